"""Words by which an address shows its parts: codes of states and countries, and words of streets.

More of them are in `value_words`.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


US_STATES = _words("""
AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI
SC SD TN TX UT VT VA WA WV WI WY DC PR
""")

CA_PROVINCES = _words("""
AB BC MB NB NL NS NT NU ON PE QC SK YT
""")

AU_STATES = _words("""
NSW VIC QLD SA WA TAS NT ACT
""")

IT_PROVINCES = _words("""
AG AL AN AO AR AP AT AV BA BT BL BN BG BI BO BZ BS BR CA CL CB CI CE CT CZ CH CO CS CR KR CN EN FM FE FI FG FC FR GE
GO GR IM IS SP AQ LT LE LC LI LO LU MC MN MS MT VS ME MI MO MB NA NO NU OG OT OR PD PA PR PV PG PU PE PC PI PT PN PZ
PO RG RA RC RE RI RN RM RO SA SS SV SI SR SO TA TE TR TN TP TS TO TV UD VA VE VB VC VR VV VI VT
""")

COUNTRY_CODES = _words("""
USA US UK GB DE FR ES IT NL AT CH BE JP CA AU DEU FRA ESP ITA NLD GBR JPN CAN AUS PL PT SE NO DK FI IE LU CZ U.S.A.
U.S. U.K. D F E I A
""")
"""Codes that stand for a country when they are a part of their own."""

NO_CITY = _words("""
po box p.o. postfach postbus apartado casella bp suite ste unit apt apartment floor building bldg room tower block hwy
highway route no nr phone tel fax km
""")
"""What a part of an address begins with that is no city."""

TELLING_STREET_WORDS = _words("""
street avenue ave ave. road rd rd. lane ln ln. drive dr. boulevard blvd blvd. highway hwy parkway pkwy strasse str.
str rue calle avenida avda avda. av. via viale piazza corso straat laan
""")
"""Words of streets that are in no name of a town, as "St." is in St. Louis."""

STREET_ENDS = _words("""
street st avenue ave road rd lane ln drive dr boulevard blvd way court ct place pl square sq terrace highway hwy
parkway pkwy circle cir close crescent row mews loop trail alley plaza broadway
""")
"""The words that an English street ends with."""
