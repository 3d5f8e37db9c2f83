-- works with code from: 7
--
-- Receipts: what a carrier said last of what it gave a name to, also before any outcome brought the name (message 0), and
-- how many parts of an attempt it has not reported yet. Only the few rows that nobody's name matches are in the index.

ALTER TABLE carrier_references ADD COLUMN received_at bigint NOT NULL DEFAULT 0;
ALTER TABLE carrier_references ADD COLUMN receipt text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX unmatched_receipts ON carrier_references (received_at) WHERE message = 0;

ALTER TABLE attempts ADD COLUMN awaited bigint NOT NULL DEFAULT 0;
