// A text with its web addresses as links, WhatsApp's *bold*, _italic_, ~struck~ and `code`, and the names of those it mentions.
import type { ComponentChildren } from 'preact';

const LINK = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/;
const CODE = /(```[\s\S]+?```|`[^`\n]+`)/;
/** The marks stand at the edges of words, and have no blank inside. */
const MARKED = /(?<![\p{L}\p{N}])([*_~](?!\s)[^\n]*?[^\s]?[*_~])(?![\p{L}\p{N}])/u;
const MENTION = /(@\d+)/;

type Show = (text: string) => ComponentChildren;

const NOBODY: ReadonlyMap<string, string> = new Map();

/** `mentions` has names by what the text has in their place. A name is no markup. */
export function Formatted({ text, mentions = NOBODY }: { text: string; mentions?: ReadonlyMap<string, string> }) {
  const named: Show = (rest) => split(rest, MENTION, (mention) => name(mention, mentions), (other) => other);
  const marks: Show = (rest) => split(rest, MARKED, (marked) => mark(marked, marks, named), named);
  const links: Show = (rest) => split(rest, LINK, (address) => <a href={address} target="_blank" rel="noopener noreferrer">{address}</a>, marks);
  return <>{split(text, CODE, (code) => <code>{code.replace(/^`+|`+$/g, '')}</code>, links)}</>;
}

function name(mention: string, mentions: ReadonlyMap<string, string>): ComponentChildren {
  const known = mentions.get(mention);
  return known === undefined ? mention : <bdi>{known}</bdi>;
}

function mark(text: string, marks: Show, named: Show): ComponentChildren {
  const [sign, inner] = [text[0], text.slice(1, -1)];
  if (text.at(-1) !== sign || inner.trim() === '') {
    return named(text);
  }
  return sign === '*' ? <strong>{marks(inner)}</strong> : sign === '_' ? <em>{marks(inner)}</em> : <s>{marks(inner)}</s>;
}

/** Shows the parts that match in one way, and those between them in another. */
function split(text: string, pattern: RegExp, match: Show, rest: Show): ComponentChildren {
  return text.split(pattern).map((part, index) => (index % 2 === 1 ? match(part) : part && rest(part)));
}
