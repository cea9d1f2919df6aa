"""What a person sees at once, whatever the words say: numbers that name nobody, counted rows, somebody else's phone."""

from leads_pipeline_tests.mapping.sheets import (
    CITIES,
    COMPANIES,
    COUNTRIES,
    EMAILS,
    FIRST_NAMES,
    LAST_NAMES,
    NAMES,
    OTHER_EMAILS,
    PHONES,
    POSTAL_CODES,
    targets,
)

LEADS = ["Ada Berg", "Tom Reyes", "Mia Novak", "Jo Lind"]
STREETS = ["Hauptstr. 4", "1 Rue Basse", "12 Mill Lane", "Calle Mayor 9"]


def test_counting_the_rows_makes_no_record_id() -> None:
    for header in ("Lp.", "S. No.", "№ п/п", "序號", "Sıra No", "#"):
        found = targets({header: ["1", "2", "3", "4"], "Name": NAMES, "Email": EMAILS})
        assert (header, found[header]) == (header, None)


def test_an_id_of_four_digits_is_a_record_id() -> None:
    found = targets({"Id": ["1041", "1187", "2003", "2950"], "Name": NAMES, "Email": EMAILS})
    assert found["Id"] == "ExternalId"


def test_a_column_of_numbers_names_nobody() -> None:
    numbers = ["10442", "10871", "20193", "30007"]
    found = targets({"Sales rep": numbers, "Contact": numbers, "Company": COMPANIES, "Email": EMAILS})
    assert found["Sales rep"] != "OwnerName"
    assert found["Contact"] not in {"FirstName", "LastName", "FullName"}


def test_the_address_of_a_record_is_no_website() -> None:
    links = [f"https://api.example.com/v2/users/{at}.json" for at in (11, 12, 13, 14)]
    assert targets({"id": ["11", "12", "13", "14"], "name": NAMES, "url": links, "email": EMAILS})["url"] is None


def test_the_owners_telephone_is_not_that_of_leads_who_have_an_address_themselves() -> None:
    found = targets({"lead_name": LEADS, "email": EMAILS, "owner_name": NAMES, "owner_phone": PHONES})
    assert (found["email"], found["owner_name"], found["owner_phone"]) == ("Email", "OwnerName", None)


def test_in_an_address_book_the_telephone_is_the_one_at_work() -> None:
    found = targets({
        "Voornaam": FIRST_NAMES, "Achternaam": LAST_NAMES, "Telefoon op werk": PHONES, "Hoofdtelefoon": PHONES,
        "Telex": [], "ISDN": [], "Pager": [], "Account": ["A-17", "B-20", "C-31", "D-9"], "E-mailadres": EMAILS,
    })  # fmt: skip
    assert (found["Telefoon op werk"], found["Hoofdtelefoon"]) == ("Phone", "Phone2")
    assert found["Account"] != "ExternalId"


def test_the_only_address_of_a_list_is_the_leads_though_it_is_called_home() -> None:
    found = targets({
        "First Name": FIRST_NAMES, "Last Name": LAST_NAMES, "Email": EMAILS, "Work Phone": PHONES,
        "Home Address": STREETS, "Home City": CITIES, "Home Zip": POSTAL_CODES, "Home Country": COUNTRIES,
    })  # fmt: skip
    assert [found[f"Home {each}"] for each in ("Address", "City", "Zip", "Country")] == [
        "Street", "City", "PostalCode", "Country",
    ]  # fmt: skip


def test_beside_an_address_at_work_the_one_at_home_is_no_field() -> None:
    found = targets({
        "Name": NAMES, "Email": EMAILS, "Work Street": STREETS, "Work City": CITIES, "Work Zip": POSTAL_CODES,
        "Home Street": STREETS, "Home City": CITIES, "Home Zip": POSTAL_CODES,
    })  # fmt: skip
    assert (found["Work City"], found["Home City"], found["Home Zip"]) == ("City", None, None)


def test_the_name_of_a_table_before_every_column_says_nothing() -> None:
    columns = {
        "firstname": FIRST_NAMES, "lastname": LAST_NAMES, "email": EMAILS, "fax": PHONES, "city": CITIES,
        "company": COMPANIES, "work_email": OTHER_EMAILS,
    }  # fmt: skip
    found = targets({f"property_{name}": cells for name, cells in columns.items()})
    assert [found[f"property_{each}"] for each in ("firstname", "lastname", "email", "fax", "city", "company")] == [
        "FirstName", "LastName", "Email", "Fax", "City", "Company",
    ]  # fmt: skip
