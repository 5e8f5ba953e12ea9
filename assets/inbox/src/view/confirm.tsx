// A question before what cannot be undone.
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

export function Confirm(props: { question: string; action: string; onConfirm: () => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="confirm" ref={dialog} aria-labelledby={id} onClose={props.onClose}>
      <p id={id}>{props.question}</p>
      <form method="dialog">
        <button>Cancel</button>
        <button class="primary danger" onClick={props.onConfirm}>{props.action}</button>
      </form>
    </dialog>
  );
}
