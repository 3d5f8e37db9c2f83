-- works with code from: 10
--
-- What a carrier tells of the network with an outcome or a receipt (operator, mccmnc, network_error_code), in JSON.

ALTER TABLE attempts ADD COLUMN network text COLLATE "C" NOT NULL DEFAULT '';
