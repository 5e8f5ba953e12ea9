-- One table for all addresses of a person besides the one by which answers name it: LIDs, business-scoped user ids and other
-- phone numbers.

ALTER TABLE lids RENAME TO person_links;
ALTER TABLE person_links RENAME COLUMN address TO person;
ALTER TABLE person_links RENAME COLUMN lid TO address;
ALTER TABLE person_links DROP CONSTRAINT lids_lid_check, DROP CONSTRAINT lids_address_check;
ALTER TABLE person_links RENAME CONSTRAINT lids_pkey TO person_links_pkey;
ALTER TABLE person_links RENAME CONSTRAINT lids_org_id_fkey TO person_links_org_id_fkey;
ALTER INDEX lids_address RENAME TO person_links_person;
COMMENT ON TABLE person_links IS 'Addresses of persons. Stored before a contact or chat with either exists, and never deleted: merged chats cannot be split.';
COMMENT ON COLUMN person_links.org_id IS 'The organization.';
COMMENT ON COLUMN person_links.address IS 'An address of the person: <digits>@c.us, <digits>@lid or <country>.<id>@bsuid.';
COMMENT ON COLUMN person_links.person IS 'The address by which the person is known. Of a number with two spellings, the known one has a row, too, with itself.';
COMMENT ON COLUMN chat_addresses.address IS '<digits>@c.us, <id>@g.us, <digits>@lid or <country>.<id>@bsuid; other spellings are normalized before.';
COMMENT ON COLUMN contacts.contact_id IS '<digits>@c.us, or <digits>@lid or <country>.<id>@bsuid while no phone number is known.';
COMMENT ON COLUMN chats.chat_id IS 'The canonical address: <id>@g.us, <digits>@c.us, or <digits>@lid or <country>.<id>@bsuid while no phone number is known.';
