-- works with code from: 10
--
-- What users of the console show to come in besides a password, where they are logged in, and logins that failed.

CREATE TABLE user_access (
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;

CREATE TABLE login_tries (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (scope, subject)
) WITHOUT ROWID;

CREATE INDEX login_tries_by_expiry ON login_tries (expires_at);
