"""The English lists, one function each: it writes the file and says what is in it."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

from . import invented
from .formats import Cell, Formula, write_ods, write_text, write_xls, write_xlsx
from .lists import (
    GAP,
    NOTES,
    PRODUCTS,
    REPS,
    START,
    Answer,
    blank,
    col,
    crowd,
    day,
    digits,
    layout,
    number,
    pick,
    stamp,
    untidy,
)


def trade_show(path: Path, rng: Random, *, day: int = 1, size: int = 124) -> list[Answer]:
    """A badge scanner's export: four lines above the header, headers in the scanner's own words."""
    columns = [
        col(
            "Scan Time",
            lambda _, r: START + timedelta(days=day - 1, minutes=r.randint(0, 510)),
            "CreatedDate",
            "LastActivityDate",
        ),
        col("Badge ID", lambda _, r: f"QPD26-{r.randint(10000, 99999)}", "ExternalId"),
        col("Prefix", lambda p, r: blank(0.4, r, pick(r, "Ms., Mrs.") if p.gender == "f" else "Mr."), "Salutation"),
        col("Badge First", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Badge Last", lambda p, r: untidy(p.last, r), "LastName"),
        col("Badge Co.", lambda p, r: untidy(p.company, r), "Company"),
        col("Position", lambda p, r: blank(0.1, r, p.title), "Title"),
        col("Job Function", lambda p, r: blank(0.2, r, p.department), None, "Department"),
        col("E-Mail Addr.", lambda p, r: blank(0.06, r, untidy(p.email, r)), "Email"),
        col("Tel. (Badge)", lambda p, r: blank(0.25, r, p.phone), "Phone"),
        col("Cell", lambda p, r: blank(0.5, r, p.mobile), "MobilePhone"),
        col("Addr 1", lambda p, r: blank(0.3, r, p.street), "Street"),
        col("Addr 2", lambda _, r: blank(0.85, r, f"Suite {r.randint(100, 900)}"), "Street2"),
        col("Town", lambda p, _: p.city, "City"),
        col("St/Prov", lambda p, _: p.state, "State"),
        col("Zip", lambda p, _: p.postcode, "PostalCode"),
        col("Ctry", lambda p, _: p.country, "Country"),
        col("Reg Type", lambda _, r: pick(r, "Attendee, Attendee, Exhibitor, Press, VIP"), None),
        col("Temp", lambda _, r: blank(0.2, r, pick(r, "Hot, Warm, Warm, Cold")), "Rating"),
        col("Interest", lambda _, r: blank(0.2, r, pick(r, PRODUCTS)), "Product"),
        col(
            "Time Frame", lambda _, r: blank(0.4, r, pick(r, "0-3 months, 3-6 months, 6-12 months, Just looking")), None
        ),
        col("Booth Rep", lambda _, r: pick(r, REPS), "OwnerName"),
        col("Scan Notes", lambda _, r: blank(0.55, r, pick(r, NOTES)), "Description"),
        col("OK to e-mail?", lambda _, r: pick(r, "Y, Y, Y, N"), "OptIn"),
    ]
    above: list[list[Cell]] = [
        ["Quillhaven Packaging Days 2026 - Lead Retrieval"],
        [f"Exhibitor: Marbrisk Machines   Booth B-214   Day {day} of 2"],
        [None, None, None, "All times local. Scanner 07."],
        [],
    ]
    grid, answer = layout("Scans", columns, crowd(invented.US, size, rng), rng, above=above)
    grid.merged = [(0, 0, 0, 9), (1, 0, 1, 5)]
    write_xlsx(path, [grid])
    return [answer]


def trade_show_again(path: Path, rng: Random) -> list[Answer]:
    """The second day of the same show, from the same scanner: what was corrected for the first acts here."""
    return trade_show(path, rng, day=2, size=61)


def crm_export(path: Path, rng: Random) -> list[Answer]:
    """Forty-one columns of a CRM, with look-alikes: whose company, whose e-mail, which date."""
    columns = [
        col("Record ID", lambda _, r: f"{r.randint(10**10, 10**11 - 1)}", "ExternalId"),
        col("Lead Owner", lambda _, r: pick(r, REPS), "OwnerName"),
        col("Owner Email", lambda _, r: f"{pick(r, 'p.sallow, k.wren, t.osier')}@marbrisk.example", "OwnerEmail"),
        col("Salutation", lambda p, r: blank(0.5, r, "Ms." if p.gender == "f" else "Mr."), "Salutation"),
        col("First Name", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Middle Name", lambda _, r: blank(0.9, r, pick(r, "J., Lee, Anne")), "MiddleName"),
        col("Last Name", lambda p, r: untidy(p.last, r), "LastName"),
        col("Suffix", lambda _, r: blank(0.95, r, pick(r, "Jr., III, PhD")), "Suffix"),
        col("Title", lambda p, r: blank(0.15, r, p.title), "Title"),
        col("Company", lambda p, r: untidy(p.company, r), "Company"),
        col("Previous Company", lambda _, r: blank(0.8, r, f"{r.choice(invented.ROOTS)} Inc."), None),
        col("Email", lambda p, r: blank(0.04, r, untidy(p.email, r)), "Email"),
        col("Secondary Email", lambda p, r: blank(0.8, r, p.private_email), "Email2", None),
        col("Email Opt Out", lambda _, r: pick(r, "0, 0, 0, 0, 1"), "OptIn"),
        col("Email Bounced Reason", lambda _, r: blank(0.95, r, "550 mailbox unavailable"), None),
        col("Phone", lambda p, r: blank(0.1, r, p.phone), "Phone"),
        col("Mobile", lambda p, r: blank(0.5, r, p.mobile), "MobilePhone"),
        col("Other Phone", lambda _, r: blank(0.9, r, invented.us_phone(r)), "Phone2", None),
        col("Fax", lambda p, r: blank(0.85, r, p.mobile), "Fax"),
        col("Assistant", lambda _, r: blank(0.9, r, pick(r, "Wilma Tack, Ned Brace")), None),
        col(
            "Website", lambda p, r: blank(0.2, r, pick(r, "https://www.{0}, www.{0}, {0}").format(p.domain)), "Website"
        ),
        col(
            "LinkedIn Profile",
            lambda p, r: blank(0.6, r, f"https://linkedin.example/in/{p.email.partition('@')[0]}"),
            "LinkedInUrl",
        ),
        col("Street", lambda p, r: blank(0.2, r, p.street), "Street"),
        col("City", lambda p, r: blank(0.1, r, untidy(p.city, r)), "City"),
        col("State/Province", lambda p, r: blank(0.1, r, p.state), "State"),
        col("Zip/Postal Code", lambda p, r: blank(0.2, r, p.postcode), "PostalCode"),
        col("Country", lambda p, _: p.country, "Country"),
        col("Industry", lambda p, r: blank(0.2, r, p.industry), "Industry"),
        col("No. of Employees", lambda _, r: blank(0.3, r, r.choice((5, 12, 48, 120, 250, 1100))), "NumberOfEmployees"),
        col("Annual Revenue", lambda _, r: blank(0.4, r, f"{r.randint(2, 900) * 10000}.00"), "AnnualRevenue"),
        col("Currency ISO Code", lambda *_: "USD", "Currency"),
        col(
            "Lead Source",
            lambda _, r: blank(0.1, r, pick(r, "Web, Trade Show, Referral, Partner, Cold Call")),
            "LeadSource",
        ),
        col(
            "First Touch Campaign",
            lambda _, r: blank(0.4, r, pick(r, "2026 Q2 Liner Launch, Autumn Webinar, QPD26")),
            "Campaign",
        ),
        col(
            "Lead Status",
            lambda _, r: pick(r, "Open - Not Contacted, Working - Contacted, Qualified, Unqualified"),
            "Status",
        ),
        col("Rating", lambda _, r: blank(0.4, r, pick(r, "Hot, Warm, Cold")), "Rating"),
        col("Lead Score", lambda _, r: r.randint(0, 100), "LeadScore"),
        col("Create Date", lambda _, r: stamp(r), "CreatedDate"),
        col("Last Modified Date", lambda _, r: stamp(r), "LastModifiedDate"),
        col("Last Activity Date", lambda _, r: blank(0.3, r, stamp(r)), "LastActivityDate"),
        col("Contract Renewal Date", lambda _, r: blank(0.9, r, stamp(r)[:10]), None),
        col(
            "Description",
            lambda _, r: blank(0.6, r, pick(r, (*NOTES, "=2+5+cmd|' /C calc'!A0", "Line one\nline two"))),
            "Description",
        ),
    ]
    grid, answer = layout(None, columns, crowd(invented.US, 372, rng), rng)
    write_text(path, grid, delimiter=",", encoding="utf-8")
    return [answer]


def ad_form_leads(path: Path, rng: Random) -> list[Answer]:
    """What an advertising network gives for download: UTF-16 with tabs, prefixed ids, questions as headers."""
    columns = [
        col("id", lambda _, r: f"l:{r.randint(10**14, 10**15)}", "ExternalId"),
        col("created_time", lambda _, r: f"{stamp(r).replace(' ', 'T')}-05:00", "CreatedDate"),
        col("ad_id", lambda _, r: f"ag:{r.choice((601, 602))}0914{r.choice((11, 27))}", None),
        col("ad_name", lambda _, r: pick(r, "Carousel A, Carousel B, Video 15s"), None),
        col("adset_id", lambda _, r: f"as:{r.choice((711, 712))}0031", None),
        col("adset_name", lambda _, r: pick(r, "Lookalike 2%, Retargeting 30d"), None),
        col("campaign_id", lambda _, r: f"c:{r.choice((55, 56))}881200", None, "Campaign"),
        col("campaign_name", lambda _, r: pick(r, "Liner launch US, Liner launch CA"), "Campaign"),
        col("form_id", lambda *_: "f:9900112", None),
        col("form_name", lambda *_: "Get a sample box v3", None, "Campaign"),
        col("is_organic", lambda _, r: pick(r, "false, false, true"), None),
        col("platform", lambda _, r: pick(r, "fb, ig"), "LeadSource", "UtmSource"),
        col(
            "which_product_are_you_interested_in?", lambda _, r: pick(r, PRODUCTS).lower().replace(" ", "_"), "Product"
        ),
        col(
            "how_soon_do_you_want_to_start?",
            lambda _, r: pick(r, "this_month, next_quarter, just_browsing"),
            None,
            "Description",
        ),
        col(
            "how_many_people_work_at_your_company?",
            lambda _, r: pick(r, "1-10, 11-50, 51-200, 201+"),
            "NumberOfEmployees",
        ),
        col("work_email", lambda p, r: untidy(p.email, r), "Email"),
        col("full_name", lambda p, r: untidy(p.name, r), "FullName"),
        col("phone_number", lambda _, r: "p:+1" + digits(invented.us_mobile(r))[-10:], "Phone"),
        col("company_name", lambda p, r: untidy(p.company, r), "Company"),
        col("job_title", lambda p, r: blank(0.2, r, p.title), "Title"),
        col("city", lambda p, r: untidy(p.city, r), "City"),
        col("zip_code", lambda p, _: f"z:{p.postcode}", "PostalCode"),
        col("may_we_send_you_offers_by_e-mail?", lambda _, r: pick(r, "yes, yes, no"), "OptIn"),
        col("lead_status", lambda _, r: pick(r, "CREATED, CREATED, complete"), "Status"),
    ]
    grid, answer = layout(None, columns, crowd(invented.US, 146, rng), rng)
    write_text(path, grid, delimiter="\t", encoding="utf-16")
    return [answer]


def legacy_contacts(path: Path, rng: Random) -> list[Answer]:
    """An address book saved in the old format: telephone numbers as numbers, dates as serials, other people's names."""
    columns = [
        col("Title", lambda p, r: blank(0.3, r, "Ms" if p.gender == "f" else "Mr"), "Salutation"),
        col("First Name", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Middle Name", lambda _, r: blank(0.8, r, pick(r, "B, Q., Ruth")), "MiddleName"),
        col("Last Name", lambda p, r: untidy(p.last, r), "LastName"),
        col("Suffix", lambda _, r: blank(0.95, r, pick(r, "Jr, II")), "Suffix"),
        col("Company", lambda p, _: p.company, "Company"),
        col("Department", lambda p, r: blank(0.5, r, p.department), "Department"),
        col("Job Title", lambda p, r: blank(0.3, r, p.title), "Title"),
        col("Business Street", lambda p, r: blank(0.3, r, p.street), "Street"),
        col("Business City", lambda p, _: p.city, "City"),
        col("Business State", lambda p, _: p.state, "State"),
        col("Business Postal Code", lambda p, _: int(p.postcode), "PostalCode"),
        col("Home Street", lambda _, r: blank(0.9, r, f"{r.randint(1, 99)} Juniper Court"), None, "Street"),
        col("Business Fax", lambda _, r: blank(0.8, r, number(invented.us_mobile(r))), "Fax"),
        col("Business Phone", lambda _, r: blank(0.1, r, number(invented.us_mobile(r))), "Phone"),
        col("Home Phone", lambda _, r: blank(0.8, r, number(invented.us_mobile(r))), "Phone2", None),
        col("Mobile Phone", lambda p, r: blank(0.5, r, p.mobile), "MobilePhone"),
        col("Anniversary", lambda _, r: blank(0.95, r, day(r, 1990, 2015)), None),
        col("Assistant's Name", lambda _, r: blank(0.9, r, pick(r, "Wilma Tack, Ned Brace")), None),
        col("Birthday", lambda _, r: blank(0.7, r, day(r, 1955, 1998)), "Birthdate"),
        col("Categories", lambda _, r: blank(0.5, r, pick(r, "Customer;VIP, Prospect, Supplier")), "Tags", None),
        col("E-mail Address", lambda p, r: blank(0.08, r, p.email), "Email"),
        col("E-mail 2 Address", lambda p, r: blank(0.9, r, p.private_email), "Email2", None),
        col("Manager's Name", lambda _, r: blank(0.9, r, pick(r, "Opal Finch, Rex Tarn")), None),
        col("Notes", lambda _, r: blank(0.7, r, pick(r, NOTES)), "Description"),
        col("Spouse", lambda _, r: blank(0.95, r, pick(r, "Lou, Sam")), None),
        col("Web Page", lambda p, r: blank(0.6, r, f"http://{p.domain}"), "Website"),
    ]
    grid, answer = layout("Contacts", columns, crowd(invented.US, 241, rng), rng)
    write_xls(path, grid)
    return [answer]


def webinar_attendees(path: Path, rng: Random) -> list[Answer]:
    """A webinar tool's report: a small table about the webinar itself stands above the attendees."""
    columns = [
        col("Attended", lambda _, r: pick(r, "Yes, Yes, No"), None, "Status"),
        col(
            "User Name (Original Name)",
            lambda p, r: pick(r, (p.name, p.first.lower(), f"{p.first}'s tablet")),
            None,
            "FullName",
        ),
        col("First Name", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Last Name", lambda p, r: untidy(p.last, r), "LastName"),
        col("Email", lambda p, r: untidy(p.email, r), "Email"),
        col("Organization", lambda p, r: blank(0.1, r, untidy(p.company, r)), "Company"),
        col("Job Title", lambda p, r: blank(0.2, r, p.title), "Title"),
        col("Phone", lambda p, r: blank(0.4, r, p.phone), "Phone"),
        col("City", lambda p, _: p.city, "City"),
        col("Country/Region", lambda p, _: p.country, "Country"),
        col("Zip/Postal Code", lambda p, r: blank(0.2, r, p.postcode), "PostalCode"),
        col("Registration Time", lambda _, r: day(r, 2026, 2026), "CreatedDate"),
        col("Approval Status", lambda *_: "approved", "Status"),
        col("Time in Session (minutes)", lambda _, r: r.randint(0, 62), None),
        col("Is Guest", lambda _, r: pick(r, "No, No, Yes"), None),
        col("Source Name", lambda _, r: blank(0.6, r, pick(r, "newsletter, partner page, social")), "LeadSource"),
        col(
            "Purchasing Time Frame",
            lambda _, r: blank(0.5, r, pick(r, "Within a month, 1-3 months, No timeframe")),
            None,
        ),
        col(
            "What would you like to learn?",
            lambda _, r: blank(0.6, r, pick(r, "How to cut waste, Pricing!, everything about liners")),
            "Description",
            None,
        ),
        col("I agree to receive e-mails", lambda _, r: pick(r, "Yes, No"), "OptIn"),
    ]
    above: list[list[Cell]] = [
        ["Attendee Report"],
        ["Report generated:", date(2026, 9, 18)],
        ["Topic", "Webinar ID", "Duration (minutes)", "# Registered", "# Cancelled"],
        ["Less waste on the packing line", "913 0042 7781", 62, 83, 4],
        [],
        ["Attendee Details"],
    ]
    grid, answer = layout("Attendee Report", columns, crowd(invented.UK, 79, rng), rng, above=above)
    write_ods(path, grid)
    return [answer]


def messy_workbook(path: Path, rng: Random) -> list[Answer]:
    """Two sheets that two colleagues kept by hand, each in its own way."""
    europe = [
        col("First", lambda p, r: untidy(p.first, r), "FirstName"),
        col("Surname", lambda p, r: untidy(p.last, r), "LastName"),
        col("E-mail", lambda p, r: blank(0.1, r, untidy(p.email, r)), "Email"),
        col("Direct dial", lambda p, r: blank(0.2, r, p.phone), "Phone"),
        GAP,
        col("Name", lambda p, r: untidy(p.company, r), "Company"),
        col("Town", lambda p, r: blank(0.1, r, p.city), "City"),
        col("Headcount", lambda _, r: blank(0.4, r, r.choice((9, 40, 300))), "NumberOfEmployees"),
        GAP,
        col("Who", lambda _, r: pick(r, "Pip, Kit, Tove"), "OwnerName"),
        col(
            "Remarks",
            lambda _, r: blank(0.5, r, pick(r, (*NOTES, "@home on Fridays", "-20% asked for"))),
            "Description",
        ),
    ]
    groups = [
        "Contact",
        "Contact",
        "Contact",
        "Contact",
        "",
        "Company",
        "Company",
        "Company",
        "",
        "Follow-up",
        "Follow-up",
    ]
    above: list[list[Cell]] = [
        ["Leads Europe (work in progress!!)"],
        [],
        ["Contact", None, None, None, None, "Company", None, None, None, "Follow-up", None],
    ]
    below: list[list[Cell]] = [
        [],
        ["Grey rows are done. Please do not sort this sheet."],
        ["Last check: Kit, 11 Sept."],
    ]
    first, told = layout("Leads Europe", europe, crowd(invented.UK, 47, rng), rng, above=above, below=below)
    first.merged = [(0, 0, 0, 10), (2, 0, 2, 3), (2, 5, 2, 7), (2, 9, 2, 10)]
    first.rows[6] += [None, "NB: Tove merges the duplicates"]
    first.rows[7] += [None, "on Monday"]
    first.rows.insert(24, [])
    named = [(i, f"{groups[i]} {header}", answers) for i, header, answers in told.columns]

    walk_ins = [
        GAP,
        col("Visitor", lambda p, _: f"{p.last}, {p.first}", "FullName"),
        col("Business\nname", lambda p, r: untidy(p.company, r), "Company"),
        col("Phone\n(cell)", lambda p, r: blank(0.2, r, p.mobile), "MobilePhone"),
        col("Contact", lambda p, r: blank(0.3, r, untidy(p.email, r)), "Email"),
        GAP,
        col("City, State", lambda p, _: f"{p.city}, {p.state}", "City"),
        col("Contact", lambda _, r: pick(r, "in person, phone, mail"), None, "LeadSource"),
        col("Date in", lambda _, r: day(r, 2026, 2026), "CreatedDate"),
        col("Wants", lambda _, r: pick(r, PRODUCTS), "Product"),
    ]
    second, answer = layout("walk-ins US", walk_ins, crowd(invented.US, 33, rng), rng, above=[[]])
    write_xlsx(path, [first, second])
    return [Answer(told.sheet, 3, told.rows, named), answer]


def sales_report(path: Path, rng: Random) -> list[Answer]:
    """A report of accounts and their contacts: formulas in a column, a totals line and a footer below."""
    columns = [
        col("Acct No", lambda _, r: f"A{r.randint(100, 999)}-{r.randint(10, 99)}", "ExternalId"),
        col("Account", lambda p, _: p.company, "Company"),
        col("Contact Person", lambda p, _: p.name, "FullName"),
        col("Contact E-mail", lambda p, r: blank(0.1, r, p.email), "Email"),
        col("Contact Tel", lambda p, r: blank(0.1, r, p.phone), "Phone"),
        col("Segment", lambda p, _: p.industry, "Industry"),
        col("Region", lambda p, r: blank(0.1, r, p.state or "North West"), "State", None),
        col("Q1 (GBP)", lambda _, r: r.randint(0, 40) * 250, None),
        col("Q2 (GBP)", lambda _, r: r.randint(0, 40) * 250, None),
        col("Total", lambda *_: None, None),
        col("Sales Rep", lambda _, r: pick(r, REPS), "OwnerName"),
        col("Last Contacted", lambda _, r: blank(0.2, r, day(r, 2026, 2026)), "LastActivityDate"),
    ]
    above: list[list[Cell]] = [["Key accounts, first half of 2026"], ["Marbrisk Machines - confidential"], []]
    grid, answer = layout("Report", columns, crowd(invented.UK, 52, rng, repeats=False), rng, above=above)
    top = len(above) + 1
    for r in range(top, len(grid.rows)):
        row = grid.rows[r]
        row[9] = Formula(f"=H{r + 1}+I{r + 1}", _amount(row[7]) + _amount(row[8]))
    sums = {c: sum(_amount(row[c]) for row in grid.rows[top:]) for c in (7, 8, 9)}
    total: list[Cell] = ["Total", *[None] * 11]
    for c, letter in ((7, "H"), (8, "I"), (9, "J")):
        total[c] = Formula(f"=SUM({letter}{top + 1}:{letter}{len(grid.rows)})", sums[c])
    grid.rows += [total, [], ["Generated 02.10.2026 07:00 by the reporting server. Amounts without VAT."]]
    grid.merged = [(0, 0, 0, 6)]
    write_xlsx(path, [grid])
    return [answer]


def no_header(path: Path, rng: Random) -> list[Answer]:
    """A list without any header: the first line is a person."""
    columns = [
        col("", lambda p, r: untidy(p.first, r), "FirstName"),
        col("", lambda p, r: untidy(p.last, r), "LastName"),
        col("", lambda p, r: untidy(p.company, r), "Company"),
        col("", lambda p, _: p.email, "Email"),
        col("", lambda p, r: blank(0.1, r, p.phone), "Phone"),
        col("", lambda p, _: p.city, "City"),
        col("", lambda p, _: p.state, "State"),
        col("", lambda p, _: p.postcode, "PostalCode"),
        col("", lambda _, r: blank(0.6, r, pick(r, NOTES)), "Description"),
    ]
    grid, answer = layout(None, columns, crowd(invented.US, 64, rng), rng, header=False)
    write_text(path, grid, delimiter=",", encoding="utf-8", line_end="\n")
    return [answer]


def _amount(cell: Cell) -> int:
    if isinstance(cell, Formula):
        cell = cell.value
    assert isinstance(cell, int)
    return cell
