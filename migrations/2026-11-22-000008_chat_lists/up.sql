-- Indexes and counters of the chat API's lists. One index has a list's order and the columns its filters use, so that a page
-- is found by an index-only scan; a table has each list's length, so that the last page is read from the end.

-- A copy of the chat's id and type, next to the sort key. The foreign key is checked at the end of the transaction, which
-- changes the chat and its copies.
ALTER TABLE chats ADD CONSTRAINT chats_listed UNIQUE (org_id, chat_key, chat_id, type);
ALTER TABLE session_chats ADD COLUMN listed_id text COLLATE "C", ADD COLUMN listed_type text;
COMMENT ON COLUMN session_chats.listed_id IS 'A copy of chats.chat_id, for lists.';
COMMENT ON COLUMN session_chats.listed_type IS 'A copy of chats.type, for lists.';

CREATE TABLE chat_activity (
    org_id          uuid        NOT NULL,
    chat_key        bigint      NOT NULL,
    listed_id       text        NOT NULL COLLATE "C",
    listed_type     text        NOT NULL,
    session_id      text        NOT NULL COLLATE "C",
    active_at       timestamptz NOT NULL,
    is_unread       boolean     NOT NULL,
    PRIMARY KEY (org_id, chat_key),
    FOREIGN KEY (org_id, chat_key, listed_id, listed_type) REFERENCES chats (org_id, chat_key, chat_id, type)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE chat_activity IS 'Each chat once, with the state of the session with the newest activity in it. Written with session_chats.';
COMMENT ON COLUMN chat_activity.org_id IS 'The organization.';
COMMENT ON COLUMN chat_activity.chat_key IS 'The chat.';
COMMENT ON COLUMN chat_activity.listed_id IS 'A copy of chats.chat_id.';
COMMENT ON COLUMN chat_activity.listed_type IS 'A copy of chats.type.';
COMMENT ON COLUMN chat_activity.session_id IS 'The session with the newest activity; the lowest id of several.';
COMMENT ON COLUMN chat_activity.active_at IS 'When the newest message was sent; -infinity when there is none.';
COMMENT ON COLUMN chat_activity.is_unread IS 'Whether that session has unread messages in the chat.';

CREATE TABLE list_counts (
    org_id     uuid     NOT NULL REFERENCES orgs ON DELETE CASCADE,
    list       text     NOT NULL COLLATE "C" CHECK (list IN ('chats', 'messages')),
    session_id text     NOT NULL COLLATE "C",
    shard      smallint NOT NULL,
    count      bigint   NOT NULL,
    PRIMARY KEY (org_id, list, session_id, shard)
);
COMMENT ON TABLE list_counts IS 'Lengths of lists: the sum over all shards. Written with the listed rows.';
COMMENT ON COLUMN list_counts.org_id IS 'The organization.';
COMMENT ON COLUMN list_counts.list IS 'chats or messages.';
COMMENT ON COLUMN list_counts.session_id IS 'The session whose list it is; empty for the organization''s list of all chats.';
COMMENT ON COLUMN list_counts.shard IS 'Transactions update different rows, so that they do not wait for each other.';
COMMENT ON COLUMN list_counts.count IS 'Rows inserted minus rows deleted; may be negative in one shard.';

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['chat_activity', 'list_counts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT USING (true)', t);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT WITH CHECK (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE USING (org_id = current_org())', t);
        EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE USING (org_id = current_org())', t);
    END LOOP;
END
$$;

ALTER TABLE chat_activity FORCE ROW LEVEL SECURITY;
ALTER TABLE list_counts FORCE ROW LEVEL SECURITY;
ALTER TABLE session_chats ADD FOREIGN KEY (org_id, chat_key, listed_id, listed_type)
    REFERENCES chats (org_id, chat_key, chat_id, type) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- If few chats of a session are unread, session_chats_active_unread is used instead.
CREATE INDEX session_chats_list ON session_chats (org_id, session_id, active_at DESC, listed_id)
    INCLUDE (chat_key, listed_type, is_unread);
-- session_id is a key column: otherwise PostgreSQL may search the sessions of a chat in the primary key and read all of the
-- organization's entries. Created last: without statistics the planner estimates the same cost for several indexes, and
-- then chooses the youngest.
DROP INDEX session_chats_chat;
CREATE INDEX session_chats_chat ON session_chats (org_id, chat_key, session_id) INCLUDE (active_at);
CREATE INDEX chat_activity_list ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type, is_unread);
CREATE INDEX chat_activity_unread ON chat_activity (org_id, active_at DESC, listed_id)
    INCLUDE (chat_key, session_id, listed_type) WHERE is_unread;
-- For lists across chats. `chat_key > 0` holds for all rows: only those lists have the condition, so that a list of one chat
-- uses messages_chat_sent_at. The planner assumes a small session and would estimate these indexes as equally good.
CREATE INDEX messages_list ON messages (org_id, session_id, sent_at DESC, message_id DESC) INCLUDE (chat_key)
    WHERE chat_key > 0;
CREATE INDEX messages_org_list ON messages (org_id, sent_at DESC, message_id DESC) INCLUDE (session_id, chat_key)
    WHERE chat_key > 0;
