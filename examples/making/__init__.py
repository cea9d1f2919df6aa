"""How the example spreadsheets are made: `invented` people, `lists` of them column by column, written as `formats`."""
