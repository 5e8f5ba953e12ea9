// DOM helpers. Text is always inserted as text, never as markup.

/** The element of `index.html` with this id. */
export function part<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) {
    throw new Error(`the page has no #${id}`);
  }
  return found as T;
}

/** Creates an element with attributes and children; strings become text nodes. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Creates an icon with a text alternative. */
export function sign(symbol: string, label: string): HTMLElement {
  return make(
    'span',
    { class: 'sign', title: label },
    make('span', { 'aria-hidden': 'true' }, symbol),
    make('span', { class: 'hidden' }, label),
  );
}

/** Whether keyboard input goes into a field. */
export function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), select, textarea');
}
