// The custom properties of a chat, each edited as its kind needs.
import type { JsonValue } from '@bufbuild/protobuf';
import type { Chat, Property } from '../api';
import { useDesk } from './desk';

type Value = string | string[] | null;

export function Properties({ chat }: { chat: Chat }) {
  const { choices, actions, rights } = useDesk();
  const properties = choices.properties.value;
  if (properties.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>Properties</h3>
      <fieldset class="properties" disabled={!rights.maySend}>
        {properties.map((property) => (
          <Field key={`${chat.chatId} ${property.id}`} property={property} value={chat.customProperties?.[property.id] ?? null}
            onChange={(value) => void actions.setProperty(chat, property.id, value)} />
        ))}
      </fieldset>
    </section>
  );
}

function Field({ property, value, onChange }: { property: Property; value: JsonValue; onChange: (value: Value) => void }) {
  const id = property.id;
  const text = typeof value === 'string' ? value : '';
  const set = (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) => onChange(event.currentTarget.value || null);
  if (property.kind === 'picklist') {
    return <Picklist property={property} chosen={Array.isArray(value) ? value.map(String) : []} onChange={onChange} />;
  }
  return (
    <div class="property">
      <label for={id}>{property.name}</label>
      {property.kind === 'dropdown' ? (
        <select id={id} value={text} onChange={set}>
          <option value="">–</option>
          {property.options.map((option) => <option key={option} value={option}>{option}</option>)}
        </select>
      ) : property.kind === 'date' ? (
        <input id={id} type="date" value={text.slice(0, 10)} onChange={set} />
      ) : (
        <input id={id} type="text" value={text} placeholder="–" onChange={set} />
      )}
    </div>
  );
}

function Picklist({ property, chosen, onChange }: { property: Property; chosen: string[]; onChange: (value: Value) => void }) {
  const toggle = (option: string) => {
    const next = property.options.filter((known) => chosen.includes(known) !== (known === option));
    onChange(next.length > 0 ? next : null);
  };
  return (
    <fieldset class="property">
      <legend>{property.name}</legend>
      {property.options.map((option) => (
        <label class="check" key={option}>
          <input type="checkbox" checked={chosen.includes(option)} onChange={() => toggle(option)} /> {option}
        </label>
      ))}
    </fieldset>
  );
}
