"""Lists in languages that few systems speak are mapped by their headers alone."""

import pytest

from leads_pipeline.mapping import default_schema, load_model, map_sheet
from leads_pipeline.mapping.text import words_of
from leads_pipeline.training.corpus import sheet_of

FIELDS = ("FirstName", "LastName", "Email", "Phone", "Company", "City", "PostalCode", "Country", "Description")

LISTS = {
    "Bulgarian": ("Име", "Фамилия", "Имейл", "Телефон", "Фирма", "Град", "Пощенски код", "Държава", "Бележки"),
    "Croatian": ("Ime", "Prezime", "E-pošta", "Telefon", "Tvrtka", "Grad", "Poštanski broj", "Država", "Napomena"),
    "Serbian": ("Име", "Презиме", "Имејл", "Телефон", "Предузеће", "Град", "Поштански број", "Држава", "Напомена"),
    "Slovak": ("Meno", "Priezvisko", "E-mail", "Telefón", "Spoločnosť", "Mesto", "PSČ", "Krajina", "Poznámka"),
    "Slovenian": ("Ime", "Priimek", "E-pošta", "Telefon", "Podjetje", "Kraj", "Poštna številka", "Država", "Opombe"),
    "Lithuanian": (
        "Vardas",
        "Pavardė",
        "El. paštas",
        "Telefonas",
        "Įmonė",
        "Miestas",
        "Pašto kodas",
        "Šalis",
        "Pastabos",
    ),
    "Latvian": (
        "Vārds",
        "Uzvārds",
        "E-pasts",
        "Tālrunis",
        "Uzņēmums",
        "Pilsēta",
        "Pasta indekss",
        "Valsts",
        "Piezīmes",
    ),
    "Estonian": (
        "Eesnimi",
        "Perekonnanimi",
        "E-post",
        "Telefon",
        "Ettevõte",
        "Linn",
        "Postiindeks",
        "Riik",
        "Märkused",
    ),
    "Catalan": ("Nom", "Cognoms", "Correu electrònic", "Telèfon", "Empresa", "Ciutat", "Codi postal", "País", "Notes"),
    "Persian": ("نام", "نام خانوادگی", "ایمیل", "تلفن", "شرکت", "شهر", "کد پستی", "کشور", "توضیحات"),
    "Hindi": ("पहला नाम", "उपनाम", "ईमेल", "फ़ोन", "कंपनी", "शहर", "पिन कोड", "देश", "टिप्पणी"),
    "Malay": (
        "Nama pertama",
        "Nama keluarga",
        "E-mel",
        "No. telefon",
        "Syarikat",
        "Bandar",
        "Poskod",
        "Negara",
        "Catatan",
    ),
}


@pytest.mark.parametrize("language", LISTS)
def test_a_list_is_mapped_by_its_headers_alone(language: str) -> None:
    sheet = sheet_of(list(LISTS[language]), [[] for _ in FIELDS])
    found = [mapping.target for mapping in map_sheet(sheet, default_schema(), load_model())]
    assert sum(mine == theirs for mine, theirs in zip(found, FIELDS, strict=True)) >= len(FIELDS) - 1, found


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("पंजीकरण_तिथि", ("पंजीकरण", "तिथि")),
        ("ชื่อ-นามสกุล", ("ชื่อ", "นามสกุล")),
        ("نام‌خانوادگی", ("نام", "خانوادگي")),
    ],
)
def test_vowel_signs_and_joiners_cut_no_word(header: str, words: tuple[str, ...]) -> None:
    assert words_of(header) == words
