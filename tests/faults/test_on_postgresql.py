from tests.faults.matrix import Matrix


class TestOnPostgresql(Matrix):
    database = "postgresql"
