-- works with code from: 10
--
-- How a code goes out more than once: what for, sealed, and how far that is.

ALTER TABLE live_verifications ADD COLUMN plan BLOB NOT NULL DEFAULT x'';
ALTER TABLE live_verifications ADD COLUMN progress TEXT NOT NULL DEFAULT '';
