// A value that is being entered, which others may change at the same time.
import { useEffect, useState } from 'preact/hooks';

interface Entered<T> {
  readonly value: T;
  readonly state: 'typed' | 'saving' | 'saved' | 'failed';
}

/** The value as it was entered, until the chat has it: what arrives meanwhile does not replace it. */
export function useEntered<T>(stored: T, onSave: (value: T) => Promise<boolean>) {
  const [entered, setEntered] = useState<Entered<T> | undefined>(undefined);
  useEffect(() => {
    // The chat has it, or a newer one.
    setEntered((now) => (now?.state === 'saved' ? undefined : now));
  }, [JSON.stringify(stored)]);
  const save = async (value: T, isKept: boolean) => {
    const saving: Entered<T> = { value, state: 'saving' };
    setEntered(saving);
    const isSaved = await onSave(value);
    // Unless another one was entered meanwhile.
    setEntered((now) => (now !== saving ? now : isSaved ? { value, state: 'saved' } : isKept ? { value, state: 'failed' } : undefined));
  };
  return {
    value: entered ? entered.value : stored,
    isFailed: entered?.state === 'failed',
    /** Shows a value that is not complete. */
    type: (value: T) => setEntered({ value, state: 'typed' }),
    /** Saves what was typed. It stays when that fails. */
    commit: () => {
      if (entered?.state === 'typed' && entered.value === stored) {
        setEntered(undefined);
      } else if (entered?.state === 'typed' || entered?.state === 'failed') {
        void save(entered.value, true);
      }
    },
    /** Leaves what was typed. */
    reset: () => setEntered(undefined),
    /** Saves a value that was chosen. The one before comes back when that fails. */
    choose: (value: T) => void save(value, false),
  };
}
