-- works with code from: 10
--
-- What each process counted in each short slot of time; some minutes of it are kept.

CREATE TABLE live_figures (
    slot bigint NOT NULL,
    process text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    figures text COLLATE "C" NOT NULL,
    PRIMARY KEY (slot, process)
);
