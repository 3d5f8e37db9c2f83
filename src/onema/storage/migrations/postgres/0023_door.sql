-- works with code from: 10
--
-- What users of the console show to come in besides a password, where they are logged in, and logins that failed.

CREATE TABLE user_access (
    name text COLLATE "C" NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE login_tries (
    scope text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    failures bigint NOT NULL,
    last_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (scope, subject)
);

CREATE INDEX login_tries_by_expiry ON login_tries (expires_at);
