// Values of any form in messages, such as what a connector received.
import { type JsonValue, toJson } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';

export type Fields = Record<string, JsonValue>;

export function json(value: Value | undefined): JsonValue {
  return value?.kind.case === undefined ? null : toJson(ValueSchema, value);
}

export function fields(value: Value | undefined): Fields {
  const object = json(value);
  return object !== null && typeof object === 'object' && !Array.isArray(object) ? object : {};
}

export function text(from: Fields, ...names: string[]): string {
  const found = names.map((name) => from[name]).find((value) => typeof value === 'string' && value !== '');
  return (found as string | undefined) ?? '';
}

export function number(from: Fields, ...names: string[]): number | undefined {
  const found = names.map((name) => Number(from[name] ?? NaN)).find((value) => Number.isFinite(value));
  return found;
}
