// What has changed about a chat, in words.
import type { Value } from '@bufbuild/protobuf/wkt';
import type { Chat, ChatChange, FieldChange, Property } from './api';
import { contactName, isolate, plain } from './texts';

/** What a kind of change is, when its fields do not say more. */
const ACTIONS: Record<string, string> = {
  attached: 'The chat was added', detached: 'The chat was removed', details: 'Details changed', assignee: 'Assigned',
  labels: 'Labels changed', properties: 'Properties changed', access: 'Access changed', members: 'Members changed',
  state: 'Archived, pinned or muted',
};

/** A list of members may have hundreds. */
const MOST = 8;

/** Fields whose new value is one of two: what is said when it is there or true, and when it is not. */
const SWITCHES: Record<string, readonly [on: string, off: string]> = {
  closed_at: ['Closed', 'Reopened'],
  is_archived: ['Archived', 'Taken out of the archive'],
  is_pinned: ['Pinned', 'Unpinned'],
  muted_until: ['Muted', 'Unmuted'],
  is_exited: ['Your number left the group', 'Your number is in the group again'],
  chat_image: ['New picture', 'Picture removed'],
  info_admins_only: ['Only admins may change the details', 'Everyone may change the details'],
  messages_admins_only: ['Only admins may write', 'Everyone may write'],
  add_members_admins_only: ['Only admins may add members', 'Everyone may add members'],
};

/** What the names in changes stand for. */
export interface Names {
  readonly chat: Chat;
  readonly properties: readonly Property[];
  readonly nameOf: (email: string) => string;
}

export function changeWords({ action, changes }: ChatChange, names: Names): string {
  const all = changes.map((change) => fieldWords(change, names)).filter((words) => words !== '');
  const more = all.length > MOST ? [`and ${all.length - MOST} more`] : [];
  return [...all.slice(0, MOST), ...more].join('; ') || (ACTIONS[action] ?? action);
}

function fieldWords(change: FieldChange, names: Names): string {
  const [before, now] = [textOf(change.previous), textOf(change.current)];
  const [, kind, id] = /^(labels|custom_properties|chat_access|members)\.(.*)$/s.exec(change.field) ?? [];
  switch (kind ?? change.field) {
    case 'assigned_to':
      return now === '' ? 'Unassigned' : `Assigned to ${isolate(names.nameOf(now))}`;
    case 'chat_name':
      return now === '' ? 'Name removed' : `Name: ${isolate(now)}${before === '' ? '' : ` (before: ${isolate(before)})`}`;
    case 'group_description':
      return now === '' ? 'Description removed' : `Description: ${isolate(now)}`;
    case 'labels':
      return now === '' ? `Label ${isolate(before)} removed` : before === '' ? `Label ${isolate(now)} added` : `Label ${isolate(before)} renamed to ${isolate(now)}`;
    case 'custom_properties':
      return propertyWords(id, change.current, names.properties);
    case 'chat_access':
      return now === 'false' ? `Hidden from ${isolate(names.nameOf(id))}` : `Visible to ${isolate(names.nameOf(id))}`;
    case 'members':
      return memberWords(isolate(contactName(names.chat, id)), before, now);
    default:
      return switchWords(change);
  }
}

/** Empty for a field that needs no words, such as a switch that was off before it was known. */
function switchWords({ field, previous, current }: FieldChange): string {
  const [before, now] = [isOn(previous), isOn(current)];
  return before === now ? '' : (SWITCHES[field]?.[now ? 0 : 1] ?? '');
}

function memberWords(name: string, before: string, now: string): string {
  return now === '' ? `${name} left` : before === '' ? `${name} joined` : `${name} has other rights`;
}

/** `Stage: quoted`. The property may be deleted by now. */
function propertyWords(id: string, current: Value | undefined, properties: readonly Property[]): string {
  const property = properties.find((known) => known.id === id);
  const name = plain(property?.name ?? 'A property');
  const text = partsOf(current).map((part) => (property?.kind === 'date' ? part.slice(0, 10) : part)).join(', ');
  return text === '' ? `${isolate(name)} emptied` : `${isolate(name)}: ${isolate(plain(text))}`;
}

function isOn(value: Value | undefined): boolean {
  return ![undefined, 'nullValue'].includes(value?.kind.case) && value?.kind.value !== false;
}

function textOf(value: Value | undefined): string {
  return plain(partsOf(value).join(', '));
}

/** The texts of a value: several of a picklist. */
function partsOf(value: Value | undefined): string[] {
  switch (value?.kind.case) {
    case undefined:
    case 'nullValue':
      return [];
    case 'listValue':
      return value.kind.value.values.flatMap(partsOf);
    default:
      return [String(value?.kind.value)];
  }
}
