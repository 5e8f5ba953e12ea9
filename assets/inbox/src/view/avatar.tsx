// The picture of a chat or a person: initials, because pictures are stored by other services.
import { colorOf, initials } from '../texts';

export function Avatar({ id, name }: { id: string; name: string }) {
  return <span class={`avatar ${colorOf(id)}`} aria-hidden="true">{initials(name) || '#'}</span>;
}
