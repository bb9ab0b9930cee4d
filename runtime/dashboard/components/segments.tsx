/**
 * A choice among a few, side by side: radio buttons, so that arrow keys move it.
 */
import { useId } from 'react';

interface SegmentsProps<T extends string> {
  /** What is chosen, for those who do not see it. */
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly value: T;
  onChange(next: T): void;
}

/** The options with the chosen one raised. */
export function Segments<T extends string>({ label, options, value, onChange }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset className="segments-field">
      <legend className="visually-hidden">{label}</legend>
      <div className="segments">
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
