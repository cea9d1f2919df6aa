"""The lists in other languages, one function each: it writes the file and says what is in it."""

from pathlib import Path
from random import Random

from . import invented
from .formats import write_text
from .lists import REPS, Answer, blank, col, crowd, layout, pick, untidy


def kundenliste(path: Path, rng: Random) -> list[Answer]:
    """A German list as an accounting program writes it: semicolons, cp1252, decimal commas, dates with dots."""
    columns = [
        col("Kd-Nr.", lambda _, r: f"{r.randint(1, 99999):06}", "ExternalId"),
        col("Anrede", lambda p, _: "Frau" if p.gender == "f" else "Herr", "Salutation"),
        col("Titel", lambda _, r: blank(0.85, r, pick(r, "Dr., Prof. Dr., Dipl.-Ing.")), None, "Suffix"),
        col("Vorname", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Name", lambda p, r: untidy(p.last, r), "LastName"),
        col("Firma", lambda p, _: p.company, "Company"),
        col("Abteilung", lambda p, r: blank(0.3, r, p.department), "Department"),
        col("Funktion", lambda p, r: blank(0.2, r, p.title), "Title"),
        col("Straße", lambda p, _: p.street, "Street"),
        col("PLZ", lambda p, _: p.postcode, "PostalCode"),
        col("Ort", lambda p, r: untidy(p.city, r), "City"),
        col("Land", lambda p, _: p.country, "Country"),
        col("Telefon", lambda p, r: blank(0.1, r, p.phone), "Phone"),
        col("Mobil", lambda p, r: blank(0.5, r, p.mobile), "MobilePhone"),
        col("Telefax", lambda _, r: blank(0.6, r, invented.german_phone(r)), "Fax"),
        col("E-Mail", lambda p, r: blank(0.08, r, p.email), "Email"),
        col("Internet", lambda p, r: blank(0.4, r, f"www.{p.domain}"), "Website"),
        col("Branche", lambda p, r: blank(0.2, r, p.industry), "Industry"),
        col("Mitarbeiter", lambda _, r: blank(0.3, r, r.choice((8, 25, 140, 620))), "NumberOfEmployees"),
        col(
            "Umsatz (EUR)",
            lambda _, r: blank(0.4, r, _german_number(r.randint(80_000, 40_000_000) + r.choice((0, 0.5)))),
            "AnnualRevenue",
        ),
        col("USt-IdNr.", lambda _, r: blank(0.5, r, f"DE{r.randint(0, 999):09}"), "TaxId", None),
        col("Betreuer", lambda _, r: pick(r, "Frau Sallow, Hr. Wren, T. Osier"), "OwnerName"),
        col("Erstkontakt", lambda _, r: _german_date(r), "CreatedDate"),
        col("Letzter Kontakt", lambda _, r: blank(0.3, r, _german_date(r)), "LastActivityDate"),
        col(
            "Geb.-Datum",
            lambda _, r: blank(0.8, r, f"{r.randint(13, 28)}.{r.randint(1, 12):02}.{r.randint(1958, 1999)}"),
            "Birthdate",
        ),
        col("Herkunft", lambda _, r: blank(0.3, r, pick(r, "Messe, Empfehlung, Internet, Bestand")), "LeadSource"),
        col("Newsletter", lambda _, r: pick(r, "ja, nein, ja"), "OptIn"),
        col(
            "Bemerkung",
            lambda _, r: blank(
                0.6, r, pick(r, "Rückruf nach den Ferien; erst vormittags, Muster geschickt, zahlt pünktlich")
            ),
            "Description",
        ),
    ]
    grid, answer = layout(None, columns, crowd(invented.GERMANY, 213, rng), rng)
    write_text(path, grid, delimiter=";", encoding="cp1252")
    return [answer]


def prospects_salon(path: Path, rng: Random) -> list[Answer]:
    """A French list of a trade fair: semicolons, cp1252, family names in capitals."""
    columns = [
        col("N° visiteur", lambda _, r: f"V-{r.randint(1000, 9999)}", "ExternalId"),
        col("Civilité", lambda p, _: "Mme" if p.gender == "f" else "M.", "Salutation"),
        col("Nom", lambda p, _: p.last.upper(), "LastName"),
        col("Prénom", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Société", lambda p, _: p.company, "Company"),
        col("Fonction", lambda p, r: blank(0.2, r, p.title), "Title"),
        col("Service", lambda p, r: blank(0.4, r, p.department), "Department"),
        col("Adresse", lambda p, r: blank(0.1, r, p.street), "Street"),
        col(
            "Complément d'adresse", lambda _, r: blank(0.85, r, pick(r, "Bât. C, 2e étage, ZA des Érables")), "Street2"
        ),
        col("CP", lambda p, _: p.postcode, "PostalCode"),
        col("Ville", lambda p, r: untidy(p.city, r), "City"),
        col("Pays", lambda p, _: p.country, "Country"),
        col("Tél. fixe", lambda p, r: blank(0.2, r, p.phone), "Phone"),
        col("Portable", lambda p, r: blank(0.4, r, p.mobile), "MobilePhone"),
        col("Courriel", lambda p, r: blank(0.06, r, p.email), "Email"),
        col("Secteur d'activité", lambda p, _: p.industry, "Industry"),
        col("Effectif", lambda _, r: blank(0.3, r, pick(r, "1 à 9, 10 à 49, 50 à 249, 250 et +")), "NumberOfEmployees"),
        col(
            "CA (k€)", lambda _, r: blank(0.5, r, f"{r.randint(90, 9000):,}".replace(",", " ") + ",5"), "AnnualRevenue"
        ),
        col("Hall", lambda _, r: f"{pick(r, 'A, B, C')}{r.randint(1, 9)}", None),
        col("Intéressé par", lambda _, r: pick(r, "Barquettes, Films, Étiquettes, Machines"), "Product"),
        col("Commercial", lambda _, r: pick(r, "P. Sallow, K. Wren"), "OwnerName"),
        col("Accepte nos offres", lambda _, r: pick(r, "oui, non, oui"), "OptIn"),
        col("Visité le", lambda _, r: f"{r.randint(14, 17)}/09/2026", "CreatedDate", "LastActivityDate"),
        col(
            "Commentaires",
            lambda _, r: blank(0.5, r, pick(r, "à rappeler après l'été, demande un devis ; urgent, déjà client ?")),
            "Description",
        ),
    ]
    grid, answer = layout(None, columns, crowd(invented.FRANCE, 88, rng), rng)
    write_text(path, grid, delimiter=";", encoding="cp1252")
    return [answer]


def contactos(path: Path, rng: Random) -> list[Answer]:
    """A Spanish list: UTF-8 with a mark, pipes, two family names, dates that could be either way round."""
    columns = [
        col("Nombre(s)", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Apellidos", lambda p, r: untidy(p.last, r), "LastName"),
        col("Empresa", lambda p, _: p.company, "Company"),
        col("Cargo", lambda p, r: blank(0.2, r, p.title), "Title"),
        col("Correo electrónico", lambda p, r: blank(0.1, r, untidy(p.email, r)), "Email"),
        col("Teléfono", lambda p, r: blank(0.2, r, p.phone), "Phone"),
        col("Celular", lambda p, r: blank(0.3, r, p.mobile), "MobilePhone"),
        col("Dirección", lambda p, r: blank(0.2, r, p.street), "Street"),
        col("Ciudad", lambda p, r: untidy(p.city, r), "City"),
        col("Código postal", lambda p, _: p.postcode, "PostalCode"),
        col("País", lambda p, _: p.country, "Country"),
        col("Giro", lambda p, _: p.industry, "Industry"),
        col("¿Cómo nos conoció?", lambda _, r: blank(0.2, r, pick(r, "Recomendación, Feria, Internet")), "LeadSource"),
        col("Producto de interés", lambda _, r: pick(r, "Bandejas, Películas, Etiquetas"), "Product"),
        col("Fecha de alta", lambda _, r: f"{r.randint(1, 12):02}/{r.randint(1, 12):02}/2026", "CreatedDate"),
        col("Asesor", lambda _, r: pick(r, REPS), "OwnerName"),
        col("Acepta publicidad", lambda _, r: pick(r, "Sí, No, Sí"), "OptIn"),
        col(
            "Observaciones",
            lambda _, r: blank(0.6, r, pick(r, "llamar por la tarde, pidió cotización, ¿ya es cliente?")),
            "Description",
        ),
    ]
    grid, answer = layout(None, columns, crowd(invented.ISLANDS, 73, rng), rng)
    write_text(path, grid, delimiter="|", encoding="utf-8-sig")
    return [answer]


def seminar(path: Path, rng: Random) -> list[Answer]:
    """A Japanese list of a seminar held in California: Shift-JIS, phonetic twins of the names."""
    columns = [
        col("受付番号", lambda _, r: f"S{r.randint(100, 999)}", "ExternalId"),
        col("氏名", lambda p, _: f"{p.last} {p.first}", "FullName"),
        col("フリガナ", lambda _, r: pick(r, "アオヤギ レン, イシクラ アオイ, ウエスギ タカシ"), None),
        col("会社名", lambda p, _: p.company, "Company"),
        col("部署", lambda p, r: blank(0.2, r, p.department), "Department"),
        col("役職", lambda p, r: blank(0.3, r, p.title), "Title"),
        col("メールアドレス", lambda p, _: p.email, "Email"),
        col("電話番号", lambda p, r: blank(0.2, r, p.phone), "Phone"),
        col("携帯電話", lambda p, r: blank(0.5, r, p.mobile), "MobilePhone"),
        col("郵便番号", lambda p, _: p.postcode, "PostalCode"),
        col("市区町村", lambda p, _: p.city, "City"),
        col("住所", lambda p, r: blank(0.3, r, p.street), "Street"),
        col("業種", lambda p, _: p.industry, "Industry"),
        col("ご興味のある製品", lambda _, r: pick(r, "包装機, フィルム, ラベル"), "Product"),
        col("申込日", lambda _, r: f"2026/{r.randint(8, 9):02}/{r.randint(13, 30):02}", "CreatedDate"),
        col("弊社担当", lambda _, r: pick(r, "レン, ササキ"), "OwnerName"),
        col("メール配信", lambda _, r: pick(r, "希望する, 希望しない"), "OptIn"),
        col("備考", lambda _, r: blank(0.6, r, pick(r, "資料送付済み, 要見積もり")), "Description"),
    ]
    grid, answer = layout(None, columns, crowd(invented.JAPANESE_COAST, 42, rng), rng)
    write_text(path, grid, delimiter=",", encoding="cp932")
    return [answer]


def _german_number(amount: float) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def _german_date(rng: Random) -> str:
    return f"{rng.randint(1, 28):02}.{rng.randint(1, 12):02}.{rng.randint(2019, 2026)}"
