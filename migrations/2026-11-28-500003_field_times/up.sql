-- Fields of contacts and chats have versions, as those of messages: events may arrive in any order.
ALTER TABLE contacts ADD field_times jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN contacts.field_times IS '{field: Unix microseconds}: when each field was last reported.';
ALTER TABLE chats
    ADD field_times jsonb NOT NULL DEFAULT '{}',
    ADD member_times jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN chats.field_times IS '{field: Unix microseconds}: when each field was last reported; as members, the list of members.';
COMMENT ON COLUMN chats.member_times IS '{contact: Unix microseconds}: when each member joined, left or changed, if that was after the list of members was reported.';
ALTER TABLE session_chats ADD field_times jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN session_chats.field_times IS '{field: Unix microseconds}: when each flag was last reported or set.';
