// A button that opens a menu.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { IconButton, type IconName } from './icons';

/** Width of the items in pixels, at least. */
const WIDTH = 240;

export function Menu(props: { label: string; icon: IconName; class?: string; children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  const [side, setSide] = useState('');
  const box = useRef<HTMLDivElement>(null);
  const toggle = () => {
    setSide(box.current ? sideOf(box.current) : '');
    setOpen(!isOpen);
  };
  useLayoutEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    const items = () => [...(box.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const leave = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    const press = (event: KeyboardEvent) => {
      const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === 'Escape') {
        event.stopPropagation();
        setOpen(false);
        box.current?.querySelector('button')?.focus();
      } else if (step) {
        event.preventDefault();
        const at = items().indexOf(document.activeElement as HTMLElement);
        items().at((at + step) % items().length)?.focus();
      }
    };
    items()[0]?.focus();
    document.addEventListener('pointerdown', leave);
    document.addEventListener('keydown', press, true);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('keydown', press, true);
    };
  }, [isOpen]);
  return (
    <div class={`menu ${props.class ?? ''}`} ref={box}>
      <IconButton icon={props.icon} label={props.label} isExpanded={isOpen} onClick={toggle} />
      {isOpen && <div class={`menu-items ${side}`} role="menu" aria-label={props.label} onClick={() => setOpen(false)}>{props.children}</div>}
    </div>
  );
}

/** Where there is room for the items: above or below, to the right or the left. */
function sideOf(box: HTMLElement): string {
  const { top, left } = box.getBoundingClientRect();
  const right = box.closest('#messages')?.getBoundingClientRect().right ?? innerWidth;
  return `${top > innerHeight * 0.55 ? 'up' : ''} ${right - left > WIDTH ? 'right' : ''}`;
}
