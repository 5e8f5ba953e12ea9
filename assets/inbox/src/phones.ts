// Phone numbers in the ids and headers of the API.

/** Selects one of the organization's phone numbers (`x-phone`). */
export function through(number: string): { headers: Record<string, string> } {
  return { headers: number === '' ? {} : { 'x-phone': number } };
}

/** Identifies a chat of one of the organization's numbers. */
export function chatKey({ chatId, orgPhone }: { chatId: string; orgPhone: string }): string {
  return `${orgPhone} ${chatId}`;
}

/** The digits of `15550101844@c.us`. */
export function digits(id: string): string {
  return id.split('@')[0];
}
