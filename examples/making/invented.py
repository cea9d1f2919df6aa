"""People, companies and numbers that do not exist.

Names are drawn at random from short lists, company names are made-up words, addresses end in the reserved domains
example.com, .example and .test, and telephone numbers come from the ranges that regulators keep free for films:
NANP 555-01xx, Ofcom's and the Bundesnetzagentur's drama numbers, Arcep's numbers for audiovisual works.
How the files look that these people stand in belongs to `english`, `elsewhere` and `welsh`.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Lead:
    """One invented person at work. `email` is the one at work."""

    first: str
    last: str
    gender: str
    company: str
    domain: str
    email: str
    private_email: str
    phone: str
    mobile: str
    title: str
    department: str
    industry: str
    street: str
    city: str
    state: str
    postcode: str
    country: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Region:
    """Where leads come from: lists of names, places ("city, state, postcode, country") and a maker of numbers."""

    women: str
    men: str
    last: str
    companies: tuple[str, ...]
    streets: str
    house: Callable[[str, int], str]
    places: tuple[tuple[str, str, str, str], ...]
    phone: Callable[[Random], str]
    mobile: Callable[[Random], str]
    titles: str
    departments: str
    industries: str
    domains: tuple[str, ...] = ("example",)


def lead(region: Region, rng: Random) -> Lead:
    """One more person of a region."""
    gender = rng.choice("fm")
    first = rng.choice(_words(region.women if gender == "f" else region.men))
    last = rng.choice(_words(region.last))
    root = rng.choice(ROOTS)
    domain = f"{root.lower()}.{rng.choice(region.domains)}"
    city, state, postcode, country = rng.choice(region.places)
    shape = rng.choice(("{f}.{l}", "{f}.{l}", "{i}{l}", "{f}", "{l}"))
    local = shape.format(f=_ascii(first), l=_ascii(last), i=_ascii(first)[:1]).strip(".") or f"m{rng.randint(100, 999)}"
    return Lead(
        first=first,
        last=last,
        gender=gender,
        company=rng.choice(region.companies).format(root),
        domain=domain,
        email=f"{local}@{domain}",
        private_email=f"{_ascii(first)}{rng.randint(60, 99)}@mail.example.com",
        phone=region.phone(rng),
        mobile=region.mobile(rng),
        title=rng.choice(_words(region.titles)),
        department=rng.choice(_words(region.departments)),
        industry=rng.choice(_words(region.industries)),
        street=region.house(rng.choice(_words(region.streets)), rng.randint(1, 180)),
        city=city,
        state=state,
        postcode=postcode,
        country=country,
    )


def us_phone(rng: Random) -> str:
    """A number of the range that North America keeps for fiction, in one of the ways people write it."""
    area, line = rng.choice(("206", "312", "415", "512", "617", "646", "720", "804", "919")), rng.randint(0, 99)
    shape = rng.choice(
        (
            "({0}) 555-01{1:02}",
            "{0}-555-01{1:02}",
            "{0}.555.01{1:02}",
            "+1 {0} 555 01{1:02}",
            "+1-{0}-555-01{1:02}",
            "{0}55501{1:02}",
        )
    )
    return shape.format(area, line) + rng.choice(("", "", "", "", "", " x12", " ext. 304"))


def us_mobile(rng: Random) -> str:
    return us_phone(rng).partition(" x")[0].partition(" ext")[0]


def island_phone(rng: Random) -> str:
    area, line = rng.choice(("787", "939", "305", "809")), rng.randint(0, 99)
    return rng.choice(("({0}) 555-01{1:02}", "{0}-555-01{1:02}", "+1 {0} 555 01{1:02}", "{0} 55501{1:02}")).format(
        area, line
    )


def coast_phone(rng: Random) -> str:
    return f"+1-{rng.choice(('213', '310', '808'))}-555-01{rng.randint(0, 99):02}"


def uk_phone(rng: Random) -> str:
    area = rng.choice(("20 7946", "113 496", "114 496", "121 496", "161 496"))
    return rng.choice(("+44 {} 0{:03}", "0{} 0{:03}", "+44 (0){} 0{:03}", "0044 {} 0{:03}")).format(
        area, rng.randint(0, 999)
    )


def uk_mobile(rng: Random) -> str:
    return rng.choice(("07700 900{:03}", "+44 7700 900{:03}", "07700900{:03}")).format(rng.randint(0, 999))


def german_phone(rng: Random) -> str:
    area, block = rng.choice((("30", "23125"), ("69", "90009"), ("40", "66969"), ("221", "4710"), ("89", "99998")))
    shape = rng.choice(
        ("0{0}/{1}{2:03}", "0{0} {1}-{2:03}", "+49 {0} {1}{2:03}", "+49 (0){0} / {1} {2:03}", "0{0}{1}{2:03}")
    )
    return shape.format(area, block, rng.randint(0, 999))


def german_mobile(rng: Random) -> str:
    return rng.choice(("0171 39200{:02}", "0171/39200{:02}", "+49 171 39200{:02}", "017139200{:02}")).format(
        rng.randint(0, 99)
    )


def french_phone(rng: Random) -> str:
    start = rng.choice(("1 99 00", "2 61 91", "3 53 01", "4 65 71", "5 36 49"))
    return _french(start, rng)


def french_mobile(rng: Random) -> str:
    return _french("6 39 98", rng)


def _french(start: str, rng: Random) -> str:
    spaced = f"{start} {rng.randint(0, 99):02} {rng.randint(0, 99):02}"
    return rng.choice(("0" + spaced, "+33 " + spaced, "0" + spaced.replace(" ", "."), "0" + spaced.replace(" ", "")))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _ascii(text: str) -> str:
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.lower().replace(letter, plain)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalnum())


ROOTS = tuple(
    _words(
        "Quorvane, Zelbrith, Ploverdane, Mirrowick, Thaskel, Ondravel, Wexlorn, Drumbrix, Fennivar, Ostreval, "
        "Yarrowmint, Kelvorra, Brastild, Nimbrose, Galdervane, Sorrelquay, Hobbernash, Vintrelle, Umbercask, "
        "Larkspindle, Pindlemoor, Trasselby, Corvenna, Eskelund, Marbrisk"
    )
)

US = Region(
    women="Alma, Brianna, Carmen, Dana, Elise, Fern, Grace, Hazel, Imani, Joan, Kiara, Lorraine, Mary Ann, "
    "Noor, Odessa",
    men="Amir, Boyd, Curtis, Dwayne, Emmett, Felix, Garrett, Hugo, Isaac, Jamal, Kent, Luis, Marvin, Nate, Orson",
    last="Abbott, Bellweather, Castellane, Dunmore, Ellery, Fairbourne, Garrow, Hollister, Ibarra, Jessop, Kettering, "
    "Lindqvist, McTavish, Nakamura, O'Dell, Prewitt, Quist, Ravenel, St. Clair, Thorne, Upshaw, van der Meer, Whitlow",
    companies=(
        "{} Inc.",
        "{} Packaging, LLC",
        "{} Foods",
        "{} Logistics Corp.",
        "{} & Daughters",
        "{} Labs",
        "The {} Group",
    ),
    streets="Larch Hollow Rd, Old Tannery Lane, Kite Hill Ave, Copperbend Street, Mill Race Blvd, Juniper Court",
    house=lambda street, number: f"{number * 7} {street}",
    places=(
        ("Seattle", "WA", "98101", "USA"),
        ("Chicago", "IL", "60607", "USA"),
        ("Austin", "TX", "78701", "United States"),
        ("Boston", "MA", "02110", "USA"),
        ("Denver", "CO", "80202", "US"),
        ("Richmond", "VA", "23219", "USA"),
        ("Newark", "NJ", "07102", "United States"),
    ),
    phone=us_phone,
    mobile=us_mobile,
    titles="Purchasing Manager, VP Operations, Plant Manager, Head of Procurement, Owner, Process Engineer, CFO, "
    "Buyer II, Director of Marketing, Sr. Packaging Engineer, Office Manager",
    departments="Operations, Procurement, Marketing, Finance, Engineering, Sales, IT",
    industries="Food & Beverage, Manufacturing, Pharmaceuticals, Logistics, Retail, Software, Construction",
)

UK = Region(
    women="Agnes, Bronwyn, Cerys, Daphne, Eilidh, Freya, Gwen, Harriet, Isla, Jemima",
    men="Alistair, Barnaby, Callum, Dafydd, Edmund, Fergus, Giles, Hamish, Iwan, Jago",
    last="Ainsley-Cole, Birtwhistle, Cadwallader, Drummore, Entwhistle, Fothergill, Gillespie, "
    "Hathersage, Inchbald, Penhallow",
    companies=("{} Ltd", "{} Instruments Ltd", "{} plc", "{} & Sons", "{} Partners LLP"),
    streets="Saddler's Row, Quay Street, Bramble Lane, Gasworks Road, Old Mill Lane",
    house=lambda street, number: f"{number} {street}",
    places=(
        ("London", "Greater London", "EC1A 1BB", "United Kingdom"),
        ("Leeds", "West Yorkshire", "LS1 4AP", "UK"),
        ("Sheffield", "South Yorkshire", "S1 2HE", "United Kingdom"),
        ("Manchester", "", "M1 1AE", "England"),
    ),
    phone=uk_phone,
    mobile=uk_mobile,
    titles="Managing Director, Buyer, Works Manager, Head of Marketing, Finance Director, Quality Manager",
    departments="Purchasing, Production, Marketing, Accounts, Quality",
    industries="Engineering, Food, Chemicals, Education, Health",
    domains=("example", "test"),
)

WALES = Region(
    women="Angharad, Bethan, Carys, Delyth, Eleri, Ffion, Glenys, Heledd, Lowri, Menna",
    men="Aled, Bedwyr, Caradog, Deiniol, Emrys, Geraint, Huw, Illtud, Llew, Rhodri",
    last="ap Hywel, Bebb, Cadwaladr, Gethin, Llwyd, Nannau, Penri, Prydderch, Tegid, Wynn",
    companies=("{} Cyf", "Grŵp {}", "{} a'i Ferched", "Bwydydd {}", "Argraffwyr {}"),
    streets="Heol y Felin, Stryd y Bont, Ffordd y Castell, Lôn Fach, Rhodfa'r Gogledd",
    house=lambda street, number: f"{number} {street}",
    places=(
        ("Caerdydd", "De Morgannwg", "CF10 1AA", "Cymru"),
        ("Abertawe", "Gorllewin Morgannwg", "SA1 1DP", "Cymru"),
        ("Aberystwyth", "Ceredigion", "SY23 1AB", "Cymru"),
        ("Caernarfon", "Gwynedd", "LL55 1AA", "Cymru"),
        ("Wrecsam", "Clwyd", "LL11 1AA", "Cymru"),
    ),
    phone=uk_phone,
    mobile=uk_mobile,
    titles="Rheolwr Gwerthiant, Cyfarwyddwr, Prynwr, Pennaeth Marchnata, Perchennog, Peiriannydd, Cyfrifydd",
    departments="Gwerthiant, Marchnata, Cyllid, Cynhyrchu, Prynu",
    industries="Bwyd a diod, Gweithgynhyrchu, Twristiaeth, Adeiladu, Iechyd, Addysg",
)

GERMANY = Region(
    women="Anneliese, Birgit, Claudia, Dörte, Elfriede, Frauke, Gisela, Heike, Ines, Jördis, Käthe",
    men="Achim, Bernd, Cornelius, Detlef, Egon, Falk, Götz, Holger, Ingo, Jürgen, Karlheinz",
    last="Abendroth, Büttenwarder, Craß, Dünnebier, Eßlinger, Fröhlingsdorf, Grünwedel, Hörnle, von "
    "Itzenplitz, Jäckle, Kühnemund, Löwenzahn",
    companies=(
        "{} GmbH",
        "{} GmbH & Co. KG",
        "{} Maschinenbau AG",
        "{} Verpackungen e.K.",
        "Gebr. {} OHG",
        "{} Müller & Söhne KG",
    ),
    streets="Lindenstraße, Am Mühlgraben, Bahnhofstr., Fährweg, Gänsemarkt, Höhenweg",
    house=lambda street, number: f"{street} {number}" + ("a" if number % 9 == 0 else ""),
    places=(
        ("Berlin", "Berlin", "10115", "Deutschland"),
        ("Köln", "NRW", "50667", "Deutschland"),
        ("München", "Bayern", "80331", "DE"),
        ("Görlitz", "Sachsen", "02826", "Deutschland"),
        ("Hamburg", "Hamburg", "20095", "D"),
        ("Dresden", "Sachsen", "01067", "Deutschland"),
    ),
    phone=german_phone,
    mobile=german_mobile,
    titles="Geschäftsführer, Einkaufsleiterin, Leiter Vertrieb, Prokurist, Sachbearbeiterin, Werksleiter, "
    "Qualitätsmanagerin",
    departments="Einkauf, Vertrieb, Geschäftsführung, Produktion, Qualitätssicherung",
    industries="Maschinenbau, Lebensmittel, Großhandel, Möbel, Chemie, Gesundheit",
)

FRANCE = Region(
    women="Adèle, Béatrice, Chloé, Delphine, Élodie, Florence, Geneviève, Hélène, Inès, Joëlle",
    men="Aurélien, Benoît, Cédric, Damien, Étienne, François, Gaël, Hervé, Jérôme, Loïc",
    last="Aubépin, Beauchêne, Courtepaille, Desforêts, Épinasse, Fontclaire, Grandpré, L'Hermine, Lenoël, de la Touche",
    companies=("{} SARL", "{} SAS", "Établissements {}", "{} et Fils", "Groupe {}"),
    streets="rue des Tanneurs, avenue de la Gare, chemin du Pré Vert, impasse du Moulin, bd de l'Étoile",
    house=lambda street, number: f"{number}, {street}",
    places=(
        ("Lyon", "Rhône", "69002", "France"),
        ("Nantes", "", "44000", "FRANCE"),
        ("Besançon", "Doubs", "25000", "France"),
        ("Bourg-en-Bresse", "Ain", "01000", "France"),
        ("Orléans", "Loiret", "45000", "FR"),
    ),
    phone=french_phone,
    mobile=french_mobile,
    titles="Gérant, Directrice des achats, Responsable marketing, Chef d'atelier, Assistante de direction, "
    "Ingénieur méthodes",
    departments="Achats, Production, Marketing, Direction, Qualité",
    industries="Agroalimentaire, Cosmétique, Bâtiment, Transport, Santé",
)

ISLANDS = Region(
    women="Alondra, Beatriz, Coralia, Dolores, Estrella, Fabiola, Graciela, Inés",
    men="Álvaro, Benicio, Cristóbal, Edmundo, Fermín, Gonzalo, Hernán, Íñigo",
    last="Alcántara Ruiz, Bermejo, Caraballo Soto, Echandía, Figueredo, Guzmán Peña, Iturbide, Núñez Oquendo",
    companies=("{} S.A.", "Grupo {}", "Distribuidora {} Inc.", "{} del Caribe, Corp."),
    streets="Calle del Almendro, Ave. Las Ceibas, Calle Ruiseñor, Carr. Vieja",
    house=lambda street, number: f"{street} #{number}",
    places=(
        ("San Juan", "PR", "00901", "Puerto Rico"),
        ("Ponce", "PR", "00716", "Puerto Rico"),
        ("Mayagüez", "PR", "00680", "PR"),
        ("Miami", "FL", "33101", "EE. UU."),
    ),
    phone=island_phone,
    mobile=island_phone,
    titles="Gerente general, Jefa de compras, Director comercial, Encargado de almacén, Contadora",
    departments="Compras, Ventas, Finanzas",
    industries="Alimentos, Construcción, Turismo, Farmacéutica",
)

JAPANESE_COAST = Region(
    women="葵, 陽菜, 美咲, 結衣, 真理子",
    men="蓮, 翔太, 健一, 大輔, 隆",
    last="青柳, 石倉, 上杉, 榎本, 岡部, 霧島, 桜庭",
    companies=("株式会社{}", "{}商事株式会社", "合同会社{}", "{}工業㈱"),
    streets="Larch Hollow Rd, Copperbend Street, Juniper Court",
    house=lambda street, number: f"{number * 7} {street}",
    places=(
        ("ロサンゼルス", "CA", "90012", "アメリカ"),
        ("トーランス", "CA", "90503", "アメリカ"),
        ("ホノルル", "HI", "96814", "アメリカ"),
    ),
    phone=coast_phone,
    mobile=coast_phone,
    titles="部長, 課長, 代表取締役, 主任, 係長",
    departments="営業部, 購買部, 総務部, 技術部",
    industries="製造業, 食品, 物流, 小売",
)
