// A text with its web addresses as links, and WhatsApp's *bold*, _italic_, ~struck~ and `code`.
import type { ComponentChildren } from 'preact';

const LINK = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/;
const CODE = /(```[\s\S]+?```|`[^`\n]+`)/;
/** The marks stand at the edges of words, and have no blank inside. */
const MARKED = /(?<![\p{L}\p{N}])([*_~](?!\s)[^\n]*?[^\s]?[*_~])(?![\p{L}\p{N}])/u;

export function Formatted({ text }: { text: string }) {
  return <>{split(text, CODE, (code) => <code>{code.replace(/^`+|`+$/g, '')}</code>, links)}</>;
}

function links(text: string): ComponentChildren {
  return split(text, LINK, (address) => <a href={address} target="_blank" rel="noopener noreferrer">{address}</a>, marks);
}

function marks(text: string): ComponentChildren {
  return split(text, MARKED, mark, (rest) => rest);
}

function mark(text: string): ComponentChildren {
  const [sign, inner] = [text[0], text.slice(1, -1)];
  if (text.at(-1) !== sign || inner.trim() === '') {
    return text;
  }
  return sign === '*' ? <strong>{marks(inner)}</strong> : sign === '_' ? <em>{marks(inner)}</em> : <s>{marks(inner)}</s>;
}

/** Shows the parts that match in one way, and those between them in another. */
function split(
  text: string, pattern: RegExp, match: (part: string) => ComponentChildren, rest: (part: string) => ComponentChildren,
): ComponentChildren {
  return text.split(pattern).map((part, index) => (index % 2 === 1 ? match(part) : part && rest(part)));
}
