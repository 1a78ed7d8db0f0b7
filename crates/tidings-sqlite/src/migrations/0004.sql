-- 4: figures for people: what webhooks delivered hour by hour, how their health changed, how much waits.

-- Deliveries in the queues: counting them takes too long where many wait.
ALTER TABLE server ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
UPDATE server SET waiting = (SELECT count(*) FROM deliveries WHERE waiting = 1);

-- Tries by webhook and hour (hours of stored server time since 1970), for a day.
CREATE TABLE hours (
    webhook  INTEGER NOT NULL,
    hour     INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    failed   INTEGER NOT NULL,
    PRIMARY KEY (webhook, hour)
) STRICT, WITHOUT ROWID;

-- How the health of a webhook changed: its last changes, each with its number.
CREATE TABLE shifts (
    webhook INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (webhook, number)
) STRICT, WITHOUT ROWID;
-- prune: changes that are older than the log
CREATE INDEX shifts_by_age ON shifts (at_ms);
