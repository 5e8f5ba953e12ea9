// Icons, drawn by lines of the color of the text beside them.
import type { ComponentChildren } from 'preact';

const PATHS = {
  archive: 'M3 5h18v4H3zM5 9v10h14V9M10 13h4',
  unarchive: 'M3 5h18v4H3zM5 9v10h14V9M12 18v-6M9 14l3-3 3 3',
  done: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12l3 3 5-6',
  reopen: 'M4 5v5h5M4.6 10a8 8 0 1 1-.6 4',
  pin: 'M9 3h6l-1 6 4 4H6l4-4zM12 13v8',
  mute: 'M4 9v6h4l5 4V5L8 9zM17 9l4 6M21 9l-4 6',
  unmute: 'M4 9v6h4l5 4V5L8 9zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11',
  read: 'M3 8l9 6 9-6v11H3zM3 8l9-5 9 5',
  unread: 'M3 6h18v13H3zM3 7l9 6 9-6',
  details: 'M4 5h16v14H4zM14.5 5v14',
  back: 'M19 12H5M11 6l-6 6 6 6',
  close: 'M6 6l12 12M18 6L6 18',
  menu: 'M12 5h.01M12 12h.01M12 19h.01',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.5 16.5L21 21',
  filter: 'M4 6h16M7 12h10M10 18h4',
  send: 'M4 12l16-8-6 16-3-7z',
  attach: 'M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.5 3.5 0 0 1 5 5l-8.5 8.5a2 2 0 0 1-3-3L14 7',
  emoji: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14a4 4 0 0 0 7 0M9 9.5h.01M15 9.5h.01',
  reply: 'M10 8V4L3 11l7 7v-4c5 0 8 1.5 11 5-1-6-4-11-11-11z',
  edit: 'M4 20h4L19 9l-4-4L4 16z',
  remove: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
  file: 'M6 3h8l5 5v13H6zM14 3v5h5',
  play: 'M7 4l13 8-13 8z',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  down: 'M6 9l6 6 6-6',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c0-5 4-7 8-7s8 2 8 7',
  place: 'M12 3a7 7 0 0 0-7 7c0 5 7 11 7 11s7-6 7-11a7 7 0 0 0-7-7zM12 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2',
  sent: 'M5 13l4 4L19 7',
  delivered: 'M2 13l4 4L16 7M12 16l1 1L23 7',
  failed: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 8v5M12 16h.01',
  forwarded: 'M14 8V4l7 7-7 7v-4c-5 0-8 1.5-11 5 1-6 4-11 11-11z',
  check: 'M5 12l5 5L20 7',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} stroke-width={name === 'menu' ? 3 : undefined} />
    </svg>
  );
}

/** A button that shows only an icon. */
export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick: () => void;
  id?: string;
  class?: string;
  isPressed?: boolean;
  isExpanded?: boolean;
}) {
  return (
    <button
      type="button"
      id={props.id}
      class={`icon-button ${props.class ?? ''}`}
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.isPressed}
      aria-expanded={props.isExpanded}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

/** A text for screen readers only. */
export function Hidden({ children }: { children: ComponentChildren }) {
  return <span class="hidden">{children}</span>;
}
