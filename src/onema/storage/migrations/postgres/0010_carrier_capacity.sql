-- works with code from: 10
--
-- What a carrier may use over all processes is called its capacity, in its document too.

ALTER TABLE carrier_seats RENAME TO carrier_capacity;

UPDATE directory
SET document = convert_to(replace(convert_from(document, 'UTF8'), '"seats":', '"capacity":'), 'UTF8')
WHERE kind = 'carrier';
