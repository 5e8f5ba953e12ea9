// What was done, with "Undo", or what failed.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { dismiss, notice } from '../model/notices';
import { IconButton } from './icons';
import { Isolated } from './isolated';

export function Notices() {
  const shown = notice.value;
  const undo = () => {
    dismiss();
    shown?.undo?.();
  };
  const box = useRef<HTMLDivElement>(null);
  const [bottom, setBottom] = useState('');
  useLayoutEffect(() => setBottom(box.current && shown ? clear(box.current) : ''), [shown]);
  return (
    <div id="notices" ref={box} style={{ bottom }}>
      {shown && (
        <div id="notice" class={shown.isFailure ? 'failure' : ''} role={shown.isFailure ? 'alert' : 'status'}>
          <span title={shown.text}><Isolated text={shown.text} /></span>
          {shown.undo && <button type="button" onClick={undo}>Undo</button>}
          <IconButton icon="close" label="Dismiss" onClick={dismiss} />
        </div>
      )}
    </div>
  );
}

/** The distance from the bottom at which a notice is above the chosen row that it would cover; empty where it covers none. */
function clear(box: HTMLElement): string {
  const row = document.querySelector('#list .active')?.getBoundingClientRect();
  // Without what an earlier notice has set.
  box.style.bottom = '';
  const { top, bottom, left, right } = box.getBoundingClientRect();
  const isCovered = row !== undefined && row.height > 0 && row.top < bottom && row.bottom > top && row.left < right && row.right > left;
  return isCovered ? `${innerHeight - row.top + 6}px` : '';
}
