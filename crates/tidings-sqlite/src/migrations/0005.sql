-- 5: the log of a project and of a webhook are indexed in segments: thousands of deliveries that follow each other. What is new goes to
-- the last one, whose part of an index is a few pages; in one piece, each webhook's deliveries would lie on a page of their own.

CREATE TABLE segments (
    id    INTEGER PRIMARY KEY,
    begin INTEGER NOT NULL -- its first delivery; up to the next segment's
) STRICT;
-- the segment of a delivery
CREATE UNIQUE INDEX segments_by_begin ON segments (begin);
-- All that is there is one segment, in order as it is; what comes is the next.
INSERT INTO segments SELECT 0, 0 UNION ALL SELECT 1, delivery + 1 FROM server;
ALTER TABLE deliveries ADD COLUMN segment INTEGER NOT NULL DEFAULT 0;

-- An index ends with the row's id anyway.
DROP INDEX deliveries_by_project;
DROP INDEX deliveries_by_webhook;
DROP INDEX deliveries_waiting;
DROP INDEX events_by_project;
-- the log of a project
CREATE INDEX deliveries_by_project ON deliveries (segment, project);
-- the log of a webhook
CREATE INDEX deliveries_by_webhook ON deliveries (segment, webhook);
-- the queue of a webhook
CREATE INDEX deliveries_waiting ON deliveries (webhook) WHERE waiting = 1;
-- activities; emptying a project
CREATE INDEX events_by_project ON events (project);
