"""PostgreSQL: the only room that speaks SQL.

Each module holds the questions about one kind of row, one function for each question. All of them take a `Transaction`,
which is bound to one organization or, explicitly, to the whole system. What rows mean belongs to the other rooms.
"""
