// Above the list: the menu, the search, the views and the filters.
import { useEffect, useRef, useState } from 'preact/hooks';
import { signOut } from '../model/account';
import { filter, go, VIEWS, type View } from '../model/route';
import { isSelecting } from '../model/selection';
import { isHelpOpen } from '../model/settings';
import { phone, plain } from '../texts';
import { Bulk } from './bulk';
import { useDesk } from './desk';
import { Icon, IconButton } from './icons';
import { focus, showView } from './keys';
import { Menu } from './menu';
import { Warning } from './numbers';
import { Unsent } from './pending';

const SEARCH_PAUSE_MS = 150;
const VIEW_NAMES: Record<View, string> = {
  all: 'All', unread: 'Unread', mine: 'Mine', unassigned: 'Unassigned', closed: 'Closed', archived: 'Archived',
};
const TYPE_NAMES = { user: 'People', group: 'Groups', business: 'Businesses' };

export function Sidebar() {
  const { numbers, rights } = useDesk();
  const [hasSelects, setSelects] = useState(false);
  return (
    <>
      <header>
        <h1>Inbox</h1>
        <Menu label="Menu" icon="menu">
          {rights.maySend && <button type="button" role="menuitem" onClick={() => (isSelecting.value = true)}>Select chats</button>}
          <button type="button" role="menuitem" onClick={() => void numbers.open()}>Your numbers</button>
          <button type="button" id="help-button" role="menuitem" onClick={() => (isHelpOpen.value = true)}>Keyboard shortcuts and settings</button>
          <button type="button" id="sign-out" role="menuitem" onClick={signOut}>Sign out</button>
        </Menu>
      </header>
      <div id="search-row">
        <SearchBox />
        {filter.value.search === '' && <FilterButton isExpanded={hasSelects} onClick={() => setSelects(!hasSelects)} />}
      </div>
      {filter.value.search === '' ? <Views hasSelects={hasSelects} /> : <Scope />}
      <Warning />
      <Unsent />
      <Bulk />
    </>
  );
}

function SearchBox() {
  const { search } = filter.value;
  const [text, setText] = useState(search);
  const pause = useRef<number | undefined>(undefined);
  useEffect(() => {
    // What is being typed is newer, and may end with a space.
    if (pause.current === undefined) {
      setText((shown) => (shown.trim() === search ? shown : search));
    }
  }, [search]);
  const type = (value: string) => {
    setText(value);
    clearTimeout(pause.current);
    pause.current = setTimeout(() => {
      pause.current = undefined;
      // Each text is not a step of its own for "back".
      go({ search: value.trim() }, filter.peek().search === '');
    }, SEARCH_PAUSE_MS);
  };
  const key = ({ key }: KeyboardEvent) => {
    if (key === 'Enter' || key === 'ArrowDown') {
      focus('list');
    }
  };
  return (
    <div id="search-box">
      <Icon name="search" />
      <input
        id="search" type="search" maxlength={100} placeholder="Search people and messages" aria-label="Search people and messages"
        value={text} onInput={(event) => type(event.currentTarget.value)} onKeyDown={key}
      />
    </div>
  );
}

/** What a search looks through: of the filters, it keeps only the number. */
function Scope() {
  const { api } = useDesk();
  const { number } = filter.value;
  const session = api.sessions.value.find(({ phoneNumber }) => phoneNumber === number);
  return <p id="search-scope" class="quiet">In all chats{number !== '' && ` of ${session?.label || `+${number}`}`}, also closed and archived ones</p>;
}

/** Shows the filters on a phone, where they would take the room of the chats. */
function FilterButton(props: { isExpanded: boolean; onClick: () => void }) {
  const { number, type, agent, sort } = filter.value;
  const set = [number, type, agent, sort].filter((value) => value !== '').length;
  return <IconButton id="filter-button" icon="filter" label={set > 0 ? `Filters (${set} set)` : 'Filters'} class={`narrow ${set > 0 ? 'set' : ''}`} {...props} />;
}

function Views({ hasSelects }: { hasSelects: boolean }) {
  const desk = useDesk();
  const { view, label, number, type, agent, sort } = filter.value;
  const labels = label.split(',').filter((name) => name !== '');
  const counts = desk.counts.texts.value;
  const hasAgent = view !== 'mine' && view !== 'unassigned';
  const sessions = desk.api.sessions.value;
  return (
    <div id="filters">
      <div id="views" role="group" aria-label="Show">
        {VIEWS.map((name) => (
          <button type="button" key={name} aria-pressed={view === name} onClick={() => showView(desk, name)}>{VIEW_NAMES[name]}{counts[name] && <small> {counts[name]}</small>}</button>
        ))}
      </div>
      <div id="selects" class={hasSelects ? '' : 'wide'}>
        {sessions.length > 1 && <Select id="number" label="Number" value={number} any="Number" onChange={(value) => go({ number: value })}
          options={sessions.map((session) => [session.phoneNumber, session.label || phone(session.waJid.replace('@s.whatsapp.net', '@c.us'))])} />}
        <Select id="label-filter" label="Label" value="" any={labels.length > 0 ? 'And label' : 'Label'} onChange={(value) => go({ label: [...labels, value].join(',') })}
          options={desk.choices.labels.value.filter((name) => !labels.includes(name)).map((name) => [name, name])} />
        <Select id="type-filter" label="Type" value={type} any="Type" onChange={(value) => go({ type: value })}
          options={Object.entries(TYPE_NAMES)} />
        {hasAgent && <Select id="agent-filter" label="Agent" value={agent} any="Agent" onChange={(value) => go({ agent: value })}
          options={desk.choices.named()} />}
        <Select id="sort" label="Order" value={sort} any="Newest" onChange={(value) => go({ sort: value })} options={[['oldest', 'Oldest']]} />
      </div>
      {labels.length > 0 && (
        <ul id="chosen-labels" aria-label="Labels that the chats have">
          {labels.map((name) => (
            <li class="label" key={name}>
              <span dir="auto">{plain(name)}</span>
              <button type="button" aria-label={`Also chats without ${name}`} onClick={() => go({ label: labels.filter((other) => other !== name).join(',') })}>×</button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Select(props: {
  id: string;
  label: string;
  value: string;
  any: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}) {
  const { value, options } = props;
  // A label from the address may not be known yet.
  const isKnown = value === '' || options.some(([known]) => known === value);
  return (
    <select id={props.id} aria-label={props.label} class={value === '' ? '' : 'set'} value={value} onChange={(event) => props.onChange(event.currentTarget.value)}>
      <option value="">{props.any}</option>
      {!isKnown && <option value={value}>{value}</option>}
      {options.map(([option, text]) => <option key={option} value={option}>{text}</option>)}
    </select>
  );
}
