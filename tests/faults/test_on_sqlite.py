from tests.faults.matrix import Matrix


class TestOnSqlite(Matrix):
    database = "sqlite"
