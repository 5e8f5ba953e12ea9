// The desk that all views of a signed-in user work with.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Desk } from '../model/desk';

export const DeskContext = createContext<Desk | undefined>(undefined);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) {
    throw new Error('nobody is signed in');
  }
  return desk;
}
