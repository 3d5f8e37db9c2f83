-- works with code from: 10
--
-- What each process counted in each short slot of time; some minutes of it are kept.

CREATE TABLE live_figures (
    slot INTEGER NOT NULL,
    process TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (slot, process)
) WITHOUT ROWID;
