-- works with code from: 7
--
-- The job that sends an SMS is named by its channel, as the one that places a call is.

UPDATE jobs SET kind = 'sms' WHERE kind = 'deliver';
UPDATE dead_jobs SET kind = 'sms' WHERE kind = 'deliver';
