-- works with code from: 7
--
-- How messages and attempts ended, why an attempt's carrier was chosen, and where the program raised when a job failed.

ALTER TABLE messages ADD COLUMN ending TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN ending TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN why TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_jobs ADD COLUMN fault TEXT NOT NULL DEFAULT '';
