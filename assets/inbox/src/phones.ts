// Phone numbers in the ids and headers of the API.

/** Selects one of the organization's phone numbers (`x-phone`). */
export function through(number: string): { headers: Record<string, string> } {
  return { headers: number === '' ? {} : { 'x-phone': number } };
}

/** The digits of `15550101844@c.us`. */
export function digits(id: string): string {
  return id.split('@')[0];
}
