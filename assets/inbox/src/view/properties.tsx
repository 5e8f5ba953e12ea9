// The custom properties of a chat, each edited as its kind needs.
import type { JsonValue } from '@bufbuild/protobuf';
import type { Chat, Property } from '../api';
import { useDesk } from './desk';
import { useEntered } from './entered';

type Value = string | string[] | null;
type Save = (value: Value) => Promise<boolean>;

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
            onSave={(value) => actions.setProperty(chat, property.id, value)} />
        ))}
      </fieldset>
    </section>
  );
}

function Field({ property, value, onSave }: { property: Property; value: JsonValue; onSave: Save }) {
  const text = typeof value === 'string' ? value : '';
  switch (property.kind) {
    case 'picklist':
      return <Picklist property={property} stored={Array.isArray(value) ? value.map(String) : []} onSave={onSave} />;
    case 'dropdown':
      return <Dropdown property={property} stored={text} onSave={onSave} />;
    case 'date':
      return <Line property={property} type="date" stored={text.slice(0, 10)} onSave={onSave} />;
    default:
      return <Line property={property} type="text" stored={text} onSave={onSave} />;
  }
}

/** A text or a date, which is saved when the field is left, or with Enter. */
function Line({ property: { id, name }, type, stored, onSave }: { property: Property; type: 'text' | 'date'; stored: string; onSave: Save }) {
  const field = useEntered(stored, (text) => onSave(text || null));
  const leave = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    if (currentTarget.validity.badInput) {
      // A part of a date.
      field.reset();
      currentTarget.value = stored;
    } else {
      field.commit();
    }
  };
  const attributes = {
    id, value: field.value, 'aria-invalid': field.isFailed, onBlur: leave,
    onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) => field.type(currentTarget.value),
    onKeyDown: (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => event.key === 'Enter' && leave(event),
  };
  return (
    <div class="property">
      <label for={id}>{name}</label>
      {type === 'date' ? <input type="date" {...attributes} /> : <input type="text" placeholder="–" {...attributes} />}
      {field.isFailed && <small class="failure">Not saved</small>}
    </div>
  );
}

function Dropdown({ property: { id, name, options }, stored, onSave }: { property: Property; stored: string; onSave: Save }) {
  const field = useEntered(stored, (text) => onSave(text || null));
  return (
    <div class="property">
      <label for={id}>{name}</label>
      <select id={id} value={field.value} onChange={(event) => field.choose(event.currentTarget.value)}>
        <option value="">–</option>
        {options.map((option) => <option key={option} value={option}>{option}</option>)}
      </select>
    </div>
  );
}

function Picklist({ property, stored, onSave }: { property: Property; stored: string[]; onSave: Save }) {
  const { value: chosen, choose } = useEntered(stored, (options) => onSave(options.length > 0 ? options : null));
  const toggle = (option: string) => choose(property.options.filter((known) => chosen.includes(known) !== (known === option)));
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
