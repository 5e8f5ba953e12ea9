// Loading that begins by itself, such as while scrolling.
import { type Signal } from '@preact/signals';

const PAUSE_MS = 3000;

/**
 * Runs a call while `isLoading` is true. After a failure it stays true for a while, so that what loads more by itself does not ask
 * again at once.
 */
export async function load(isLoading: Signal<boolean>, call: () => Promise<void>, isCurrent: () => boolean): Promise<void> {
  const end = () => {
    if (isCurrent()) {
      isLoading.value = false;
    }
  };
  isLoading.value = true;
  try {
    await call();
    end();
  } catch (error) {
    setTimeout(end, PAUSE_MS);
    throw error;
  }
}
