"""SQL: tables, statements, repositories, migrations; SQLite and PostgreSQL."""
