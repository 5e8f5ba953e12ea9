// Whether the details of the open chat are shown. On a phone they replace the conversation, so that they have an address of their own.
import { computed, signal } from '@preact/signals';
import { go, isStep, route } from './route';

const phone = matchMedia('(max-width: 45rem)');
const isPhone = signal(phone.matches);
phone.addEventListener('change', () => (isPhone.value = phone.matches));

/** What the user has chosen beside the conversation; where there is room, the panel is there from the start. */
const hasPanel = signal(!isDrawer());

export const hasDetails = computed(() => (isPhone.value ? route.value.details !== '' : hasPanel.value));
/** Whether the details hide the conversation. */
export const isCovered = computed(() => isPhone.value && hasDetails.value);

/** Whether the panel takes room that the list and the conversation need. */
export function isDrawer(): boolean {
  return matchMedia('(max-width: 80rem)').matches;
}

export function showDetails(isShown: boolean): void {
  if (!isPhone.peek()) {
    hasPanel.value = isShown;
  } else if (isShown) {
    go({ details: 'shown' });
  } else if (hasDetails.peek() && isStep()) {
    // The step is taken back, so that "back" does not show the same conversation twice.
    history.back();
  } else {
    go({ details: '' }, false);
  }
}
