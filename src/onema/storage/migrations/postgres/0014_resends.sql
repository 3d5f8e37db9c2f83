-- works with code from: 10
--
-- A code of which nothing is heard may be sent again: what a job then knows of it, how often a message was sent again, and
-- what each such attempt cost.

ALTER TABLE jobs ADD COLUMN watch text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN resends bigint NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN paid bigint NOT NULL DEFAULT 0;
