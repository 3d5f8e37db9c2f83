from onema.storage.postgres.storage import PostgresStorage

__all__ = ["PostgresStorage"]
