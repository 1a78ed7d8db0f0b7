-- 2: what a webhook missed while it was off, and long jobs over a webhook's past that go on after a crash.

-- Events recorded while a webhook was off and not dealt with yet. Made and closed in the transaction that switches the webhook or
-- its project.
CREATE TABLE absences (
    webhook   INTEGER NOT NULL,
    since     INTEGER NOT NULL, -- it missed events after this one
    until     INTEGER NOT NULL, -- up to this one; 2^63-1 while it is off
    place     INTEGER NOT NULL, -- the next delivery id for what is made up for; 0 while it is off
    place_end INTEGER NOT NULL, -- the last of these ids
    PRIMARY KEY (webhook, since)
) STRICT, WITHOUT ROWID;
-- What is off now was off before, but nobody knows since when: it is missed from here on.
INSERT INTO absences (webhook, since, until, place, place_end)
SELECT w.id, s.event, 9223372036854775807, 0, 0
FROM webhooks w JOIN projects p ON p.id = w.project JOIN server s
WHERE w.deleted = 0 AND p.deleted = 0
AND NOT (json_extract(w.body, '$.enabled') AND json_extract(p.body, '$.webhooks') = 'on');

-- Sweeps under way: at most one per webhook.
CREATE TABLE sweeps (
    webhook INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    errand  INTEGER NOT NULL, -- 0: deliver, 1: skip; resend: 4, and 1 more for what failed, 2 more for what expired
    at      INTEGER NOT NULL, -- deliveries up to here are dealt with
    ending  INTEGER NOT NULL, -- the last delivery that is its business
    since   INTEGER NOT NULL, -- of what was missed, events after this one
    until   INTEGER NOT NULL, -- of what was missed, events up to this one
    number  INTEGER NOT NULL  -- deliveries dealt with
) STRICT;
