-- works with code from: 7
--
-- How messages and attempts ended, why an attempt's carrier was chosen, and where the program raised when a job failed.

ALTER TABLE messages ADD COLUMN ending text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN ending text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN why text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE dead_jobs ADD COLUMN fault text COLLATE "C" NOT NULL DEFAULT '';
