import { useMemo, useState } from "react";

interface Task {
  id: number;
  title: string;
  done: boolean;
  due?: string;
}

interface TaskListProps {
  tasks: Task[];
  onToggle: (id: number) => void;
  onRemove: (id: number) => void;
}

type Filter = "all" | "open" | "done";

export function TaskList({ tasks, onToggle, onRemove }: TaskListProps) {
  const [filter, setFilter] = useState<Filter>("all");
  const [query, setQuery] = useState("");

  const visible = useMemo(
    () =>
      tasks
        .filter((task) => filter === "all" || task.done === (filter === "done"))
        .filter((task) => task.title.toLowerCase().includes(query.toLowerCase())),
    [tasks, filter, query],
  );

  const open = tasks.filter((task) => !task.done).length;

  return (
    <section className="tasks">
      <header>
        <h2>Tasks ({open} open)</h2>
        <input
          type="search"
          placeholder="Search"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        <select value={filter} onChange={(event) => setFilter(event.target.value as Filter)}>
          <option value="all">All</option>
          <option value="open">Open</option>
          <option value="done">Done</option>
        </select>
      </header>
      <ul>
        {visible.map((task) => (
          <li key={task.id} className={task.done ? "done" : "open"}>
            <label>
              <input type="checkbox" checked={task.done} onChange={() => onToggle(task.id)} />
              {task.title}
            </label>
            {task.due && <time dateTime={task.due}>{task.due}</time>}
            <button type="button" onClick={() => onRemove(task.id)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      {visible.length === 0 && <p>Nothing to show.</p>}
    </section>
  );
}
