-- works with code from: 10
--
-- What a request for plain texts says of a message: where its end is told, what its sender calls its kind and its
-- campaign, and which messages were asked for together.

ALTER TABLE messages ADD COLUMN callback_url TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN together INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN campaign TEXT NOT NULL DEFAULT '';
