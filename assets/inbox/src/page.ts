// The elements of the page, and making new ones. Text is always text: nothing here can become markup.

/** The element of `index.html` with that id. */
export function part<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) {
    throw new Error(`the page has no #${id}`);
  }
  return found as T;
}

/** A new element with these attributes; children that are text are shown as they are. */
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

/** A sign for the eye with words for who cannot see it. */
export function sign(symbol: string, words: string): HTMLElement {
  return make(
    'span',
    { class: 'sign', title: words },
    make('span', { 'aria-hidden': 'true' }, symbol),
    make('span', { class: 'hidden' }, words),
  );
}

/** Whether what is typed goes into a field. */
export function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), select, textarea');
}
