ALTER INDEX person_links_person RENAME TO lids_address;
ALTER TABLE person_links RENAME CONSTRAINT person_links_org_id_fkey TO lids_org_id_fkey;
ALTER TABLE person_links RENAME CONSTRAINT person_links_pkey TO lids_pkey;
DELETE FROM person_links WHERE address NOT LIKE '%@lid' OR person NOT LIKE '%@c.us';
ALTER TABLE person_links RENAME COLUMN address TO lid;
ALTER TABLE person_links RENAME COLUMN person TO address;
ALTER TABLE person_links
    ADD CONSTRAINT lids_lid_check CHECK (lid LIKE '%@lid'), ADD CONSTRAINT lids_address_check CHECK (address LIKE '%@c.us');
ALTER TABLE person_links RENAME TO lids;
