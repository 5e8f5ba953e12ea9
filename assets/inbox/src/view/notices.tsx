// What was done, with "Undo", or what failed.
import { dismiss, notice } from '../model/notices';
import { IconButton } from './icons';

export function Notices() {
  const shown = notice.value;
  const undo = () => {
    dismiss();
    shown?.undo?.();
  };
  return (
    <div id="notices">
      {shown && (
        <div id="notice" class={shown.isFailure ? 'failure' : ''} role={shown.isFailure ? 'alert' : 'status'}>
          <span>{shown.text}</span>
          {shown.undo && <button type="button" onClick={undo}>Undo</button>}
          <IconButton icon="close" label="Dismiss" onClick={dismiss} />
        </div>
      )}
    </div>
  );
}
